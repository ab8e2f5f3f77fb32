// Emphasis, spoken words, code and links within a block, as a tree. One pass with one open mark of each kind,
// so that a text of nothing but marks takes no longer than any other.

const LINK = /\[([^[\]\n]{1,500})\]\(<?([^()\s<>]{1,2000})>?\)/y;
const ADDRESS = /https?:\/\/[^\s<>"'`*[\]()]{1,2000}/y;
const ESCAPED = /\\([\\`*_{}[\]()#+\-.!|~">])/y;
const PLAIN = /[^\\`[h*_~"“”«»「」『』„]+/y;
const WORD = /[\p{L}\p{N}]/u;
const SAFE = new Set(["http:", "https:", "mailto:"]);
const MARKS = { "***": "both", "**": "strong", "*": "em", __: "strong", _: "em", "~~": "del" };
const SPEECH = { "“": "”", "«": "»", "「": "」", "『": "』", "„": "“" };
const CLOSING = new Map(Object.entries(SPEECH).map(([open, close]) => [close, open]));

/** Return the nodes of a text: strings, and `{kind, children}`, `{kind: "code", text}`, `{kind: "link", …}`. */
export function readInline(text, isOpen = false) {
  const reader = new Reader(text);
  while (reader.at < text.length) reader.step();
  return reader.finish(isOpen);
}

/** Return an address that a link may lead to, or null. */
export function safeAddress(address) {
  try {
    const url = new URL(address);
    return SAFE.has(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}

class Reader {
  at = 0;
  #text;
  #root = [];
  #open = []; // marks that wait for their end: {mark, kind, children}
  #noCode = new Set(); // lengths of runs of backticks of which no other comes

  constructor(text) {
    this.#text = text;
  }

  step() {
    const plain = this.#match(PLAIN)?.[0];
    if (plain) return this.#add(plain, plain.length);
    const sign = this.#text[this.at];
    if (sign === "\\" && this.#match(ESCAPED)) return this.#add(this.#match(ESCAPED)[1], 2);
    if (sign === "`") return this.#code();
    if (sign === "[" && this.#link()) return undefined;
    if (sign === "h" && this.#address()) return undefined;
    if (sign === "*" || sign === "_" || (sign === "~" && this.#text[this.at + 1] === "~")) return this.#emphasis(sign);
    if (sign === '"' || SPEECH[sign] || CLOSING.has(sign)) return this.#speech(sign);
    return this.#add(sign, 1);
  }

  finish(isOpen) {
    while (this.#open.length) {
      if (isOpen) this.#end(this.#open.length - 1);
      else this.#drop();
    }
    return this.#root;
  }

  get #here() {
    return this.#open.at(-1)?.children ?? this.#root;
  }

  #match(pattern) {
    pattern.lastIndex = this.at;
    return pattern.exec(this.#text);
  }

  #add(node, length) {
    const here = this.#here;
    if (typeof node === "string" && typeof here.at(-1) === "string") here[here.length - 1] += node;
    else if (node !== "") here.push(node);
    this.at += length;
  }

  #code() {
    const length = this.#run("`");
    const mark = "`".repeat(length);
    const end = this.#noCode.has(length) ? -1 : this.#endOfCode(mark);
    if (end < 0) {
      this.#noCode.add(length);
      return this.#add(mark, length);
    }
    const text = this.#text.slice(this.at + length, end);
    return this.#add({ kind: "code", text: text.trim() ? text.replace(/^ (.*) $/s, "$1") : text }, end + length - this.at);
  }

  #endOfCode(mark) {
    let end = this.at + mark.length;
    for (;;) {
      end = this.#text.indexOf(mark, end);
      if (end < 0 || this.#text[end + mark.length] !== "`") return end;
      while (this.#text[end] === "`") end += 1;
    }
  }

  #run(sign) {
    let end = this.at;
    while (this.#text[end] === sign) end += 1;
    return end - this.at;
  }

  #link() {
    const found = this.#match(LINK);
    const address = found && safeAddress(found[2]);
    if (!address) return false;
    const isImage = this.#here.at(-1)?.endsWith?.("!") ?? false;
    if (isImage) this.#here[this.#here.length - 1] = this.#here.at(-1).slice(0, -1);
    this.#add({ kind: "link", address, text: found[1] }, found[0].length);
    return true;
  }

  #address() {
    if (WORD.test(this.#text[this.at - 1] ?? " ")) return false;
    const found = this.#match(ADDRESS)?.[0].replace(/[.,;:!?]+$/, "");
    const address = found && safeAddress(found);
    if (!address) return false;
    this.#add({ kind: "link", address, text: found }, found.length);
    return true;
  }

  #emphasis(sign) {
    const run = this.#run(sign);
    const mark = sign === "~" ? "~~" : sign.repeat(Math.min(run, sign === "*" ? 3 : 2));
    const before = this.#text[this.at - 1] ?? " ";
    const after = this.#text[this.at + run] ?? " ";
    if (run > mark.length || (sign === "_" && WORD.test(before) && WORD.test(after))) return this.#add(sign.repeat(run), run);
    const place = this.#open.findLastIndex((open) => open.mark === mark);
    if (place >= 0 && before.trim()) {
      this.at += mark.length;
      return this.#end(place);
    }
    if (place >= 0 || !after.trim()) return this.#add(mark, mark.length);
    this.#open.push({ mark, kind: MARKS[mark], children: [] });
    this.at += mark.length;
    return undefined;
  }

  #speech(sign) {
    const opener = sign === '"' ? '"' : CLOSING.get(sign);
    const place = this.#open.findLastIndex((open) => open.kind === "q" && open.mark === opener);
    if (place >= 0) {
      this.at += 1;
      const [speech] = this.#close(place);
      speech.children.push(sign);
      return this.#here.push(speech);
    }
    const mayBegin = sign === '"' ? !WORD.test(this.#text[this.at - 1] ?? " ") : SPEECH[sign];
    if (!mayBegin || this.#open.some((open) => open.mark === sign)) return this.#add(sign, 1);
    this.#open.push({ mark: sign, kind: "q", children: [sign] });
    this.at += 1;
    return undefined;
  }

  #end(place) {
    const [node] = this.#close(place);
    this.#here.push(node);
  }

  #close(place) {
    while (this.#open.length > place + 1) this.#drop();
    const { kind, children } = this.#open.pop();
    return [{ kind, children }];
  }

  /** Take back an open mark: it was text. */
  #drop() {
    const { mark, kind, children } = this.#open.pop();
    const here = this.#here;
    for (const child of kind === "q" ? children : [mark, ...children]) {
      if (typeof child === "string" && typeof here.at(-1) === "string") here[here.length - 1] += child;
      else here.push(child);
    }
  }
}
