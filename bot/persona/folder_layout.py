"""The files and folders of a persona, each with its use: for help, and for docs/personas.md."""

PERSONA_FILES: tuple[tuple[str, str], ...] = (
    ("card.json", "a character card, chara_card_v3; V1, V2 and the JSON of some other programs are read too"),
    ("card.png", "the same in a picture, where there is no card.json; also the avatar, if there is no other"),
    ("lorebook.json", "a lorebook (world info), beside the one that the card may hold; need not be there"),
    ("persona.toml", "what a card cannot say; may be empty, or missing"),
    ("avatar.png", "its face on Discord (also .jpg, .webp, .gif)"),
    ("documents/", "texts about the persona (.txt, .md): `training build` makes facts of them"),
    ("export/", "a place for the exports to import; a name of yours, for `import` reads where you say"),
    ("adapter/", "a PEFT LoRA adapter: the two files of PEFT, and manifest.json if it was trained here"),
    ("adapters/BASE/", "the same for each further base model; its manifest.json says which one it is for"),
    ("work/", "what the trainer keeps; private, never committed"),
    (
        "work/messages.jsonl",
        "all messages that were imported, one a line; selves.json says who the persona is",
    ),
    ("work/*.txt", "consent, words, keep and optouts, one entry a line: yours to edit before `build`"),
    ("work/train.jsonl", "the examples to learn; held.jsonl are those to measure with, data.json says how"),
    ("work/runs/NNNN/", "one training: its log, its recipe, its curve, the last state and the best adapter"),
    ("work/report.html", "what `training evaluate` found; report.json is the same for programs"),
)
