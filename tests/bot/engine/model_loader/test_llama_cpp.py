"""A GGUF file is answered greedily as llama.cpp answers it: nothing is quantised twice."""

from pathlib import Path

from bot.config import ModelSettings
from bot.engine.kernels.compiler import LibraryBuild
from bot.engine.model_loader.load_plan import plan_load
from bot.engine.model_loader.loader import load_model
from tests.fixtures.greedy import answer_greedily
from tests.fixtures.llama_cpp import complete

TOKENS = 16
# of two logits: both programs round activations to 8 bits, which moves each logit of this small model by 0.18
CLOSE = 0.75
PROMPTS = (
    "The harbour lay quiet under",
    "In the morning the keeper of the lighthouse",
    "A recipe for bread begins with",
    "The first rule of sailing is",
    "def add(a, b):\n    return",
    "Once upon a time there was a cat who",
    "The capital of France is",
    "Water boils at",
    "My grandmother always said that",
    "To repair a bicycle tyre you need",
    "The moon is",
    "Seven days make",
    "She opened the letter and read:",
    "Dear Sir or Madam,",
    "The train from Hamburg arrives",
    "1, 2, 3, 4,",
    "Question: What is a tide?\nAnswer:",
    "The colour of the sea depends on",
    "Music is the art of",
    "If it rains tomorrow, we will",
)


def test_greedy_answers_are_those_of_llama_cpp_but_for_ties(tmp_path: Path) -> None:
    settings = ModelSettings(context=512)
    plan = plan_load(settings, tmp_path, lambda stage: None, serves_packed=True)
    assert plan.gguf is not None
    tokenizer = plan.read_tokenizer()
    prompts = [tokenizer.encode(text) for text in PROMPTS]
    runner = load_model(plan, settings, tokenizer, LibraryBuild().library()).runner
    mine = [answer_greedily(runner, prompt, TOKENS) for prompt in prompts]
    theirs = complete(plan.gguf.path, prompts, TOKENS)
    gaps = [answer.gap_to(other) for answer, other in zip(mine, theirs, strict=True)]
    assert max(gaps) < CLOSE, gaps
    assert sum(gap == 0 for gap in gaps) >= len(PROMPTS) // 2
    assert not [*tmp_path.iterdir()]  # no copy was made
