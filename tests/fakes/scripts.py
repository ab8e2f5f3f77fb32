"""A text of every script, of signs, digits, code, blanks and what looks like control tokens."""

TEXT = """Hello there, I'M sure you've DON'T it's   three  spaces\ttab\n\n\nnew lines \r\n  indented
    def f(x): return {'a': [1, 22, 333, 4444, 55555], "b": 3.14159e-10} # && || != <= >= ::\t\t;
Это не первый раз; 这是一个测试。日本語のテキスト、カタカナ 한국어 문장입니다. ελληνικά עברית العربية ١٢٣
हिन्दी বাংলা தமிழ் తెలుగు ไทย ລາວ ქართული հայերեն አማርኛ ខ្មែរ မြန်မာ ᏣᎳᎩ ᠮᠣᠩᠭᠣᠯ Ŵŷ ǅ ʰ 𐐷 𝒳
naïve café cafe\u0301 ﬁ ｆｕｌｌ ①②③ ½ Ⅷ ٣ 😀👩‍👩‍👧‍👦🏳️‍🌈 🇩🇪 \u200b\u00a0\ufeff\u2028 
— “quotes” … ''' `code` $$x^2$$ <b>
camelCaseWords SHOUTING MixedCASE'S 'tis rock'n'roll //path/to/file.txt \\n
<|im_start|>user <0x41> [INST] </s>
 ends with blanks   """
