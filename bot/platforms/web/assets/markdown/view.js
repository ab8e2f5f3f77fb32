// A text in Markdown on the page. While it grows, finished blocks keep their nodes, and only what changed is
// rendered again; every word goes in as a text node.
import { element, iconButton } from "../elements.js";
import { splitBlocks } from "./blocks.js";
import { readInline } from "./inline.js";

const TAGS = { em: "em", strong: "strong", del: "del", q: "q" };

export class MarkdownView {
  #shown = []; // keys of the blocks, in order

  /** `copied(text)` is called with the code of a block whose button was pressed. */
  constructor(node, copied) {
    this.node = node;
    this.copied = copied;
  }

  /** Show a text; an open one may still grow, so that its last block is not finished. */
  show(text, isOpen = false) {
    const blocks = splitBlocks(text);
    const keys = blocks.map((block, at) => (isOpen && at === blocks.length - 1 ? `open ${block.source}` : `done ${block.source}`));
    let same = 0;
    while (same < keys.length && keys[same] === this.#shown[same]) same += 1;
    while (this.node.childNodes.length > blocks.length) this.node.lastChild.remove();
    for (let at = same; at < blocks.length; at += 1) {
      const node = this.#block(blocks[at], isOpen && at === blocks.length - 1);
      if (this.node.childNodes[at]) this.node.childNodes[at].replaceWith(node);
      else this.node.append(node);
    }
    this.#shown = keys;
  }

  #block(block, isOpen) {
    if (block.kind === "code") return this.#code(block, isOpen);
    if (block.kind === "rule") return element("hr");
    if (block.kind === "quotation") return element("blockquote", {}, ...block.blocks.map((each) => this.#block(each, isOpen)));
    if (block.kind === "list") return list(block, isOpen);
    if (block.kind === "table") return table(block);
    const name = block.kind === "heading" ? `h${Math.min(block.level + 2, 6)}` : "p";
    return element(name, { dir: "auto" }, ...inline(block.text, isOpen));
  }

  #code(block, isOpen) {
    const isPlain = isOpen && !block.isClosed;
    const head = element("div", { class: "code-head" }, element("span", {}, block.language));
    if (!isPlain) head.append(iconButton("copy", "copyCode", () => this.copied(block.text)));
    const code = element("code", {}, block.text);
    return element("div", { class: "code" }, head, element("pre", { tabindex: "0" }, code));
  }
}

function list(block, isOpen) {
  const last = block.items.length - 1;
  const items = block.items.map((item, at) =>
    element("li", { class: `level-${item.level}`, dir: "auto" }, ...inline(item.text, isOpen && at === last)),
  );
  return element(block.isOrdered ? "ol" : "ul", { start: block.isOrdered ? block.start : null }, ...items);
}

function table(block) {
  const row = (cells, name) => element("tr", {}, ...cells.map((cell) => element(name, {}, ...inline(cell, false))));
  const head = element("thead", {}, row(block.head, "th"));
  const body = element("tbody", {}, ...block.rows.map((cells) => row(cells, "td")));
  return element("div", { class: "table", tabindex: "0" }, element("table", {}, head, body));
}

const inline = (text, isOpen) => readInline(text, isOpen).map(node);

function node(part) {
  if (typeof part === "string") return part;
  if (part.kind === "code") return element("code", {}, part.text);
  if (part.kind === "link") return link(part);
  const children = part.children.map(node);
  if (part.kind === "both") return element("strong", {}, element("em", {}, ...children));
  return element(TAGS[part.kind], {}, ...children);
}

function link({ address, text }) {
  return element("a", { href: address, target: "_blank", rel: "noopener noreferrer" }, text);
}
