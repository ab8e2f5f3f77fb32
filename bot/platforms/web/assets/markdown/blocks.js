// The blocks of a text in Markdown: paragraphs, headings, code, lists, quotations, tables and rules.
// One pass over the lines, so that no text takes longer than its length.

const FENCE = /^ {0,3}(`{3,}|~{3,})([^`]*)$/;
const HEADING = /^ {0,3}(#{1,6}) (.*)$/;
const RULE = /^ {0,3}([-*_])(?: *\1){2,} *$/;
const ITEM = /^( *)(?:([-*+])|(\d{1,9})[.)]) +(\S.*)$/;
const BARE_MARK = /^ *(?:[-*+]|\d{1,9}[.)]?) *$/; // an item of which only the mark has come yet
const QUOTE = /^ {0,3}> ?(.*)$/;
const DASHES = /^[ :|-]+$/;
const DEEPEST = 3; // quotations within quotations; deeper ones are text

/** Return the blocks of a text; each has its `source`, and a fence tells whether it `isClosed`. */
export function splitBlocks(text, depth = 0) {
  const lines = text.replace(/\r\n?/g, "\n").replaceAll("\t", "    ").split("\n");
  const blocks = [];
  let at = 0;
  while (at < lines.length) {
    if (!lines[at].trim()) {
      at += 1;
      continue;
    }
    const block = readBlock(lines, at, depth);
    block.source = lines.slice(at, block.end).join("\n");
    blocks.push(block);
    at = block.end;
  }
  return blocks;
}

function readBlock(lines, at, depth) {
  const line = lines[at];
  const fence = FENCE.exec(line);
  if (fence) return readFence(lines, at, fence);
  if (RULE.test(line)) return { kind: "rule", end: at + 1 };
  const heading = HEADING.exec(line);
  if (heading) return { kind: "heading", level: heading[1].length, text: heading[2], end: at + 1 };
  if (QUOTE.test(line) && depth < DEEPEST) return readQuote(lines, at, depth);
  if (ITEM.test(line)) return readList(lines, at);
  if (isTable(lines, at)) return readTable(lines, at);
  return readParagraph(lines, at, depth);
}

function readFence(lines, at, [, mark, language]) {
  let end = at + 1;
  const isEnd = (line) => FENCE.exec(line)?.[1].startsWith(mark) && FENCE.exec(line)[2].trim() === "";
  while (end < lines.length && !isEnd(lines[end])) end += 1;
  const isClosed = end < lines.length;
  const text = lines.slice(at + 1, end).join("\n");
  return { kind: "code", language: language.trim().slice(0, 40), text, isClosed, end: isClosed ? end + 1 : end };
}

function readQuote(lines, at, depth) {
  const inner = [];
  let end = at;
  for (; end < lines.length && QUOTE.test(lines[end]); end += 1) inner.push(QUOTE.exec(lines[end])[1]);
  return { kind: "quotation", blocks: splitBlocks(inner.join("\n"), depth + 1), end };
}

function readList(lines, at) {
  const isOrdered = Boolean(ITEM.exec(lines[at])[3]);
  const start = Number(ITEM.exec(lines[at])[3] ?? 1);
  const items = [];
  let end = at;
  for (; end < lines.length && lines[end].trim(); end += 1) {
    const item = ITEM.exec(lines[end]);
    if (item && !item[1] && Boolean(item[3]) !== isOrdered) break;
    if (item) items.push({ level: Math.min(Math.floor(item[1].length / 2), 3), text: item[4] });
    else if (BARE_MARK.test(lines[end])) items.push({ level: 0, text: "" });
    else if (lines[end].startsWith("  ")) items.at(-1).text += `\n${lines[end].trim()}`;
    else break;
  }
  return { kind: "list", isOrdered, start, items, end };
}

function isTable(lines, at) {
  const next = lines[at + 1] ?? "";
  return lines[at].includes("|") && DASHES.test(next) && next.includes("-") && next.includes("|");
}

function readTable(lines, at) {
  let end = at + 2;
  while (end < lines.length && lines[end].includes("|")) end += 1;
  const rows = [lines[at], ...lines.slice(at + 2, end)].map(cellsOf);
  return { kind: "table", head: rows[0], rows: rows.slice(1), end };
}

function cellsOf(line) {
  const cells = line.trim().split("|");
  if (cells[0] === "") cells.shift();
  if (cells.at(-1) === "") cells.pop();
  return cells.map((cell) => cell.trim());
}

function readParagraph(lines, at, depth) {
  let end = at + 1;
  while (end < lines.length && lines[end].trim() && !beginsBlock(lines[end], depth)) end += 1;
  return { kind: "paragraph", text: lines.slice(at, end).join("\n"), end };
}

const beginsBlock = (line, depth) =>
  FENCE.test(line) || HEADING.test(line) || RULE.test(line) || ITEM.test(line) || (depth < DEEPEST && QUOTE.test(line));
