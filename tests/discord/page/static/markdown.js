// Discord's dialect of Markdown, as far as messages of a bot use it. Blocks first, then what is inside a line.

import { el } from "./dom.js";

const UNITS = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];
const INLINE = [
  [/^`` ?([\s\S]+?) ?``/, (m) => el("code", { text: m[1] })],
  [/^`([^`\n]+)`/, (m) => el("code", { text: m[1] })],
  [/^\[([^\]]+)\]\(<?(https?:\/\/[^\s)>]+)>?(?: "[^"]*")?\)/, (m, names) => link(m[2], inline(m[1], names))],
  [/^<(https?:\/\/[^\s>]+)>/, (m) => link(m[1], [m[1]])],
  [/^https?:\/\/[^\s<]+[^\s<.,:;"')\]]/, (m) => link(m[0], [m[0]])],
  [/^<(@[!&]?|#)(\d+)>/, (m, names) => el("span", { class: "mention", text: names[m[2]] || "@unknown" })],
  [/^@(everyone|here)\b/, (m) => el("span", { class: "mention", text: m[0] })],
  [/^<t:(\d+)(?::([tTdDfFR]))?>/, (m) => time(new Date(m[1] * 1000), m[2])],
  [/^<\/([^:>]+):\d+>/, (m) => el("span", { class: "mention", text: `/${m[1]}` })],
  [/^<a?:(\w+):\d+>/, (m) => el("span", { text: `:${m[1]}:` })],
  [/^\|\|([\s\S]+?)\|\|/, (m, names) => spoiler(inline(m[1], names))],
  [/^\*\*\*([\s\S]+?)\*\*\*/, (m, names) => el("strong", {}, el("em", {}, inline(m[1], names)))],
  [/^\*\*([\s\S]+?)\*\*(?!\*)/, (m, names) => el("strong", {}, inline(m[1], names))],
  [/^__([\s\S]+?)__(?!_)/, (m, names) => el("u", {}, inline(m[1], names))],
  [/^~~([\s\S]+?)~~/, (m, names) => el("s", {}, inline(m[1], names))],
  [/^\*(?!\s)([^*]+?)\*/, (m, names) => el("em", {}, inline(m[1], names))],
  [/^_([^_]+?)_(?!\w)/, (m, names) => el("em", {}, inline(m[1], names))],
  [/^\\([^\sA-Za-z0-9])/, (m) => m[1]],
];

function link(address, children) {
  return el("a", { href: address, target: "_blank", rel: "noopener noreferrer" }, children);
}

// "5 minutes ago", as it is when the message is shown; the moment itself when one points at it.
function time(moment, style) {
  const seconds = (moment - Date.now()) / 1000;
  const [unit, size] = UNITS.find(([, each]) => Math.abs(seconds) >= each) || UNITS.at(-1);
  const told = new Intl.RelativeTimeFormat("en", { numeric: "auto" }).format(Math.round(seconds / size), unit);
  const exact = moment.toLocaleString();
  return el("span", { text: style === "R" ? told : exact, title: exact });
}

function spoiler(children) {
  return el("span", { class: "spoiler", onclick: (event) => event.currentTarget.classList.add("open") }, children);
}

function inline(text, names) {
  const out = [];
  let plain = "";
  let at = 0;
  while (at < text.length) {
    const rest = text.slice(at);
    const wordBefore = /\w/.test(text[at - 1] || "");
    const hit = /^[\w\s]/.test(rest) && !rest.startsWith("http") && !rest.startsWith("_")
      ? null
      : firstMatch(rest, wordBefore);
    if (hit === null) {
      plain += text[at];
      at += 1;
      continue;
    }
    if (plain) out.push(plain);
    plain = "";
    out.push(hit.make(hit.match, names));
    at += hit.match[0].length;
  }
  if (plain) out.push(plain);
  return out;
}

function firstMatch(rest, wordBefore) {
  for (const [pattern, make] of INLINE) {
    if (wordBefore && (rest.startsWith("_") || rest.startsWith("http"))) continue;
    const match = pattern.exec(rest);
    if (match) return { match, make };
  }
  return null;
}

// Lines of one kind that stand together are one block.
export function markdown(text, names = {}) {
  const blocks = [];
  const parts = text.split(/(```[\s\S]*?```)/);
  for (const part of parts) {
    const fence = /^```(?:([\w+#.-]+)\n)?\n?([\s\S]*?)\n?```$/.exec(part);
    if (fence) blocks.push(el("pre", {}, el("code", { text: fence[2] })));
    else if (part) blocks.push(...lines(part.replace(/^\n/, "").replace(/\n$/, ""), names));
  }
  return el("div", { class: "content" }, blocks);
}

function lines(text, names) {
  const out = [];
  const all = text.split("\n");
  for (let at = 0; at < all.length; ) {
    const kind = kindOf(all[at]);
    let end = at + 1;
    while (kind.many && end < all.length && kindOf(all[end]).name === kind.name) end += 1;
    out.push(kind.make(all.slice(at, end), names));
    at = end;
  }
  return out;
}

const KINDS = [
  { name: "h", test: /^#{1,3} /, make: ([line], names) => heading(line, names) },
  { name: "small", test: /^-# /, make: ([line], names) => el("p", {}, el("small", {}, inline(line.slice(3), names))) },
  { name: "quote", test: /^> /, many: true, make: (all, names) => quote(all, names) },
  { name: "ul", test: /^\s*[-*] /, many: true, make: (all, names) => list("ul", all, /^\s*[-*] /, names) },
  { name: "ol", test: /^\s*\d+\. /, many: true, make: (all, names) => list("ol", all, /^\s*\d+\. /, names) },
];
const PLAIN = { name: "p", many: true, make: (all, names) => el("p", {}, inline(all.join("\n"), names)) };

function kindOf(line) {
  return KINDS.find((kind) => kind.test.test(line)) || PLAIN;
}

function heading(line, names) {
  const level = line.indexOf(" ");
  return el(`h${level}`, {}, inline(line.slice(level + 1), names));
}

function quote(all, names) {
  return el("blockquote", {}, lines(all.map((line) => line.slice(2)).join("\n"), names));
}

function list(tag, all, mark, names) {
  const first = tag === "ol" ? parseInt(all[0], 10) : null;
  return el(tag, { start: first }, all.map((line) => el("li", {}, inline(line.replace(mark, ""), names))));
}
