"""Ids and labels: trained are exactly the person's words and their end, in every template."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.config import ModelSettings
from bot.errors import UserError
from bot.persona.card import Card
from bot.persona.persona import Persona
from bot.prompt.builder import Prompt, PromptFormat
from bot.prompt.chat_template import BUILT_IN_TEMPLATES, open_chat_template
from bot.prompt.renderer import PromptSpan
from tests.conftest import MARA
from tests.fakes.model import ByteTokenizer
from tests.fakes.templates import DATED, GEMMA, LLAMA2, MISTRAL, QWEN
from tests.fixtures.training_messages import build, read_split, said, serving
from training.dataset.base_tokenizer import open_base_tokenizer, open_training_format
from training.dataset.excerpts import Excerpt, ExcerptMessage, TargetSpan
from training.dataset.serving_prompts import Example, ServingPrompts, read_examples
from training.tokenization.encode import Encoder, TrainedSpan, TrainingExample, answer_end_ids

WINDOW = 5000
ENDS = {
    "chatml": "<|im_end|>",
    "plain": "\n\n",
    "cutegpt": "\n问：",
    "cutegpt-ift": "\n问：",
    "alpaca": "\nUser:",
    "chinese-vicuna": "\n\nUser:",
    "chatglm": "\n[Round",
    "fujisaki": "\nInput:",
    "internlm2": "<|im_end|>",
    "xtuner": "<|im_end|>",
    GEMMA: "<end_of_turn>\n<start_of_turn>user",
    LLAMA2: " <|im_end|>",
    MISTRAL: "<|im_end|>",
    QWEN: "<|im_end|>",
    DATED: "<|im_end|>",
}
TALK = (
    ExcerptMessage("1", "a", "Ana", "tea?", 0.0),
    ExcerptMessage("2", "m", "Mara", "yes, please", 1.0, own=True),
    ExcerptMessage("3", "m", "Mara", "with <|im_end|> milk 🍵", 2.0, own=True),
    ExcerptMessage("4", "b", "Bo", "and I?", 3.0),
    ExcerptMessage("5", "m", "Mara", "none\n\nfor you", 4.0, own=True),
)
EXCERPT = Excerpt(
    chat="test/room",
    messages=TALK,
    aims=(TargetSpan(1, 3, "answer", 1.0, 0), TargetSpan(4, 5, "answer", 0.5, 0)),
)
WORDS = ["yes, please\nwith <|im_end|> milk 🍵", "none\n\nfor you"]


def trained_texts(encoded: TrainingExample) -> list[str]:
    """Return the trained text of each span, with control tokens spelled out."""
    return [ByteTokenizer().spell(encoded.ids[span.start : span.end]) for span in encoded.trained]


def encode(
    prompts: ServingPrompts, excerpt: Excerpt = EXCERPT, window: int = WINDOW
) -> list[TrainingExample]:
    return list(Encoder(prompts, window).encode_excerpts([excerpt]))


@pytest.mark.parametrize(
    "source", ENDS, ids=[*BUILT_IN_TEMPLATES, "gemma", "llama2", "mistral", "qwen", "dated"]
)
def test_trained_are_exactly_the_persons_words_and_their_end_in_every_template(source: str) -> None:
    trained = [text for encoded in encode(serving(source=source)) for text in trained_texts(encoded)]
    assert trained == [words + ENDS[source] for words in WORDS]


@pytest.mark.parametrize(
    "source", ENDS, ids=[*BUILT_IN_TEMPLATES, "gemma", "llama2", "mistral", "qwen", "dated"]
)
def test_every_trained_span_follows_the_prompt_of_serving(source: str) -> None:
    serving_prompts = serving(source=source)
    prompts = [example.prompt.ids for example in read_examples(EXCERPT, serving_prompts)]
    before = [encoded.ids[: span.start] for encoded in encode(serving_prompts) for span in encoded.trained]
    assert before == prompts


@pytest.mark.parametrize(("source", "count"), [("chatml", 1), ("cutegpt", 1), (LLAMA2, 2), (QWEN, 2)])
def test_answers_share_a_training_example_where_the_template_lets_the_prompt_grow(
    source: str, count: int
) -> None:
    assert len(encode(serving(source=source))) == count


def test_labels_and_weights_are_the_ids_own_and_zero_elsewhere() -> None:
    encoded = TrainingExample(ids=(5, 6, 7, 8), trained=(TrainedSpan(1, 2, 0.5), TrainedSpan(3, 4, 1.0)))
    assert (encoded.labels(), encoded.weights()) == ([-100, 6, -100, 8], [0.0, 0.5, 0.0, 1.0])


@pytest.mark.model
def test_with_the_real_tokenizer_trained_are_exactly_the_words_and_the_end(tmp_path: Path) -> None:
    settings_ = ModelSettings()
    model = open_base_tokenizer(settings_, tmp_path)
    prompts = ServingPrompts(MARA, open_training_format(MARA, model, settings_, 2048), "")
    end = model.tokenizer.encode_template("<|im_end|>")
    trained = [list(x.ids[s.start : s.end]) for x in encode(prompts) for s in x.trained]
    assert [model.tokenizer.decode(ids) for ids in trained] == WORDS
    assert [ids[-1:] for ids in trained] == [end, end]


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(st.booleans(), st.text(min_size=1, max_size=60)), min_size=2, max_size=12),
    st.sampled_from([*ENDS]),
)
def test_the_words_and_nothing_else_are_trained(lines: list[tuple[bool, str]], source: str) -> None:
    talk = tuple(
        ExcerptMessage(str(n), "m" if own else "a", "Mara" if own else "Ana", text, float(n), own=own)
        for n, (own, text) in enumerate(lines)
    )
    targets = tuple(TargetSpan(n, n + 1, "answer", 1.0, 0) for n, (own, _) in enumerate(lines) if own)
    found = [
        bytes(id for id in encoded.ids[s.start : s.end] if id < 256)
        for encoded in encode(serving(source=source), Excerpt(chat="c", messages=talk, aims=targets))
        for s in encoded.trained
    ]
    end = bytes(id for id in answer_end_ids(serving(source=source).reader) if id < 256)
    assert found == [text.encode("utf-8", "replace") + end for own, text in lines if own]


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 3000), st.integers(700, 1500))
def test_a_long_answer_takes_several_windows_and_each_token_is_trained_once(size: int, window: int) -> None:
    words = "".join(chr(97 + n % 26) for n in range(size))
    talk = (TALK[0], ExcerptMessage("2", "m", "Mara", words, 1.0, own=True))
    excerpt = Excerpt(chat="c", messages=talk, aims=(TargetSpan(1, 2, "answer", 1.0, 0),))
    found = encode(serving(window - 200), excerpt, window)
    assert "".join(text for encoded in found for text in trained_texts(encoded)) == words + "<|im_end|>"
    assert max(len(encoded.ids) for encoded in found) <= window
    assert [encoded.answers for encoded in found] == [0] * (len(found) - 1) + [1]


def test_every_word_of_a_document_is_trained_once_in_windows_that_overlap() -> None:
    text = "".join(chr(97 + n % 26) for n in range(3000))
    found = encode(serving(), Excerpt(chat="documents/a", stage="facts", text=text), 1000)
    assert "".join(part for encoded in found for part in trained_texts(encoded)) == text + "<|im_end|>"
    assert max(len(encoded.ids) for encoded in found) <= 1000


def example(answer: str, ids: tuple[str, ...] = ("2",), kind: str = "message", source: str = "1") -> Example:
    words = tuple(b"tea in the harbour at five, as always?")
    prompt = Prompt(words, (PromptSpan(kind, 0, len(words), source),))
    return Example(prompt, (answer,), ids, "answer", 1.0, EXCERPT)


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (example("tea", ids=("1",)), "An answer of test/room stands in its own prompt"),
        (example("Tea in the HARBOUR at five", kind="description"), "stands in the persona's card"),
        (example(""), "has no words to learn"),
    ],
)
def test_an_example_that_teaches_nothing_or_gives_itself_away_is_refused(wrong: Example, reason: str) -> None:
    with pytest.raises(UserError, match=reason):
        list(Encoder(serving(), WINDOW).encode_example(wrong))


@pytest.mark.parametrize(
    "right",
    [example("Tea in the harbour at five"), example("tea", kind="description")],
    ids=["said", "short"],
)
def test_repeating_what_was_said_or_a_short_word_of_the_card_is_no_leak(right: Example) -> None:
    assert len(list(Encoder(serving(), WINDOW).encode_example(right))) == 1


def test_a_template_without_any_end_is_refused() -> None:
    tokenizer = ByteTokenizer()
    tokenizer.special = {}
    endless = open_chat_template("{% for m in messages %}{{ m.content }}{% endfor %}", {}, "Mara")
    with pytest.raises(UserError, match="name no token that ends an answer"):
        Encoder(replace(serving(), reader=PromptFormat(tokenizer, endless, 4000)), WINDOW)


def test_an_answer_that_stands_in_the_card_is_left_out_of_the_data(tmp_path: Path) -> None:
    card = Card(name="Mara", mes_example="<START>\n{{char}}: I have four thousand gulls and a cat.")
    prompts = serving(persona=Persona("mara", card))
    talk = [
        said(1, "Ana", "lonely?"),
        said(2, "Mara", "I have four thousand gulls and a cat!"),
        said(3, "Ana", "ah"),
    ]
    built = build(tmp_path, [*talk, said(4, "Mara", "and you?")], prompts)
    assert built.left_out["words that stand in the card"] == 1
    assert [target.start for found in read_split(tmp_path) for target in found.aims] == [3]


def test_an_answer_behind_an_opened_thought_closes_it_first() -> None:
    """A persona that learned to answer inside the thought would never be heard."""
    source = (
        "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
        "{% if add_generation_prompt %}<|im_start|>assistant\n<think>\n{% endif %}"
    )
    trained = [text for encoded in encode(serving(source=source)) for text in trained_texts(encoded)]
    assert trained == [f"</think>\n\n{words}<|im_end|>" for words in WORDS]
