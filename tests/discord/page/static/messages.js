// The timeline: each message is one element, made anew only when its JSON changed, so that a select that
// somebody has open survives the stream of edits around it.

import { el, replace } from "./dom.js";
import { markdown } from "./markdown.js";

const SYSTEM = {
  thread_created: (m) => `${m.author.name} started the thread "${m.content}".`,
  thread_starter: () => "This is the beginning of the thread.",
  pinned: (m) => `${m.author.name} pinned a message.`,
  member_joined: (m) => `${m.author.name} joined.`,
};
const BUTTON = 2;
const LINK = 5;
const shown = new Map();

export function renderMessages(list, view, page) {
  const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 60;
  const elements = view.messages.map((message, index) => cached(message, view.messages[index - 1], view, page));
  const wanted = elements.length ? elements : [el("li", { class: "empty", text: "Nothing was said here yet." })];
  if (wanted.length !== list.children.length || wanted.some((node, at) => node !== list.children[at])) {
    replace(list, wanted);
  }
  if (atEnd) list.scrollTop = list.scrollHeight;
}

export function renderPosts(list, view, page) {
  const posts = view.posts.map((post) =>
    el("li", { class: "post", onclick: () => page.open(post.id) },
      el("strong", { text: post.name }),
      el("div", { class: "note", text: `${post.author}: ${post.preview}` }),
      el("div", { class: "note", text: `${post.replies} replies` })));
  const fresh = el("li", { class: "post", onclick: () => page.askForPost() }, el("strong", { text: "+ New post" }));
  replace(list, fresh, posts);
}

function cached(message, before, view, page) {
  const first = startsGroup(message, before);
  const key = JSON.stringify([message, first, view.me.id, view.commands.filter((c) => c.type === 3).map((c) => c.label)]);
  const known = shown.get(message.id);
  if (known && known.key === key) return known.node;
  const node = SYSTEM[message.kind] ? system(message) : render(message, first, view, page);
  shown.set(message.id, { key, node });
  return node;
}

function startsGroup(message, before) {
  const apart = !before || before.author.id !== message.author.id || SYSTEM[before.kind] !== undefined;
  return apart || message.reply !== null || message.command !== null || new Date(message.time) - new Date(before.time) > 420000;
}

function system(message) {
  return el("li", { class: "message first system", text: `→ ${SYSTEM[message.kind](message)}` });
}

function render(message, first, view, page) {
  const classes = ["message", first && "first", message.mentions_me && "mentions", message.ephemeral && "ephemeral"];
  const above = lineAbove(message);
  if (above) classes.push("with-reply");
  return el("li", { class: classes.filter(Boolean).join(" "), "data-id": message.id, "data-author": message.author.name },
    above,
    first ? avatar(message.author) : null,
    first ? head(message) : null,
    body(message),
    message.embeds.map((embed) => renderEmbed(embed, message.names)),
    message.attachments.map(renderAttachment),
    message.components.length ? el("div", { class: "rows" }, components(message, message.components, page)) : null,
    reactions(message, page),
    threadLink(message, page),
    message.ephemeral ? dismissLine(message, page) : null,
    actions(message, view, page));
}

function lineAbove(message) {
  if (message.command) {
    return el("span", { class: "reply-line", text: `${message.command.who} used ${message.command.what}` });
  }
  if (!message.reply) return null;
  const author = message.reply.author ? `${message.reply.author}: ` : "";
  return el("span", { class: "reply-line", text: author + message.reply.content });
}

export function colour(id) {
  // Ids made together differ only in their last bits: spread them over the circle.
  return `hsl(${Number((BigInt(id) * 137n) % 360n)} 55% 65%)`;
}

function avatar(author) {
  return el("span", { class: "avatar", style: `background:${colour(author.id)}`, text: author.name[0].toUpperCase(), "aria-hidden": "true" });
}

function head(message) {
  return el("div", {},
    el("span", { class: "who", text: message.author.name }),
    message.author.bot ? el("span", { class: "badge", text: "APP" }) : null,
    el("time", { dateTime: message.time, text: shownTime(new Date(message.time)) }));
}

function shownTime(date) {
  const time = date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  const isToday = date.toDateString() === new Date().toDateString();
  return isToday ? time : `${date.toLocaleDateString()} ${time}`;
}

function body(message) {
  if (message.thinking) return el("div", { class: "thinking", text: `${message.author.name} is thinking` });
  const content = markdown(message.content, message.names);
  if (message.edited) content.append(el("span", { class: "edited", text: " (edited)" }));
  return content;
}

function renderEmbed(embed, names) {
  const colourOf = embed.color ? `border-color:#${embed.color.toString(16).padStart(6, "0")}` : null;
  const title = embed.url ? el("a", { href: embed.url, target: "_blank", text: embed.title }) : embed.title;
  const fields = (embed.fields || []).map((field) =>
    el("div", { class: field.inline ? "inline" : "" },
      el("div", { class: "field-name", text: field.name }), markdown(field.value, names)));
  return el("div", { class: "embed", style: colourOf },
    embed.author ? el("div", { class: "note", text: embed.author.name }) : null,
    embed.title ? el("div", { class: "embed-title" }, title) : null,
    embed.description ? markdown(embed.description, names) : null,
    fields.length ? el("div", { class: "fields" }, fields) : null,
    embed.image && !embed.image.url.startsWith("attachment:") ? el("img", { src: embed.image.url, alt: "" }) : null,
    embed.footer ? el("footer", { text: embed.footer.text }) : null);
}

// A picture takes its room when it arrives: who read the newest message still does.
function keepAtEnd(image) {
  const list = image.closest("#messages");
  const below = list ? list.scrollHeight - list.scrollTop - list.clientHeight : Infinity;
  if (below < image.height + 60) list.scrollTop = list.scrollHeight;
}

function renderAttachment(file) {
  const isImage = (file.content_type || "").startsWith("image/");
  const size = file.size < 1024 ? `${file.size} B` : `${(file.size / 1024).toFixed(1)} KB`;
  return el("div", { class: "attachment" },
    isImage
      ? el("img", { src: file.url, alt: file.description || file.filename, onload: (event) => keepAtEnd(event.currentTarget) })
      : el("a", { href: file.url, target: "_blank", download: file.filename }, `📄 ${file.filename}`, el("span", { class: "note", text: size })));
}

// Rows, and the containers of messages that are made of components only.
function components(message, list, page) {
  return list.map((component) => {
    if (component.type === BUTTON) return button(message, component, page);
    if ([3, 5, 6, 7, 8].includes(component.type)) return select(message, component, page);
    if (component.type === 10) return markdown(component.content, message.names);
    const inner = [...(component.components || []), ...(component.accessory ? [component.accessory] : [])];
    return el("div", { class: component.type === 1 ? "row" : "rows" }, components(message, inner, page));
  });
}

function button(message, component, page) {
  const label = [component.emoji?.name, component.label].filter(Boolean).join(" ");
  if (component.style === LINK) {
    return el("a", { class: "link", href: component.url, target: "_blank", rel: "noopener noreferrer", text: `${label} ↗` });
  }
  return el("button", {
    type: "button", class: `style-${component.style}`, disabled: component.disabled || false, text: label,
    onclick: () => page.interact({ act: "click", message: message.id, custom_id: component.custom_id }),
  });
}

function select(message, component, page) {
  const options = component.options || page.entities(component.type);
  const most = component.max_values ?? 1;
  const chosen = new Set((component.default_values || []).map((entity) => String(entity.id)));
  const choose = (values) => page.interact({ act: "choose", message: message.id, custom_id: component.custom_id, values });
  const list = el("select", { disabled: component.disabled || false, multiple: most > 1, size: most > 1 ? Math.min(options.length, 8) : null, "aria-label": component.placeholder || "Choose" },
    most > 1 ? null : el("option", { value: "", text: component.placeholder || "Choose…" }),
    options.map((option) => el("option", { value: option.value, text: option.label, title: option.description || "", selected: option.default || chosen.has(option.value) })));
  if (most === 1) {
    list.addEventListener("change", () => list.value && choose([list.value]));
    return list;
  }
  const done = el("button", { type: "button", text: "Done", onclick: () => choose([...list.selectedOptions].map((o) => o.value)) });
  return el("div", { class: "row" }, el("div", { class: "hint", text: component.placeholder || "" }), list, done);
}

function reactions(message, page) {
  if (!message.reactions.length) return null;
  return el("div", { class: "reactions" }, message.reactions.map((given) =>
    el("button", {
      type: "button", class: given.mine ? "mine" : "", text: `${given.emoji} ${given.count}`,
      "aria-pressed": String(given.mine),
      onclick: () => page.act({ act: "react", message: message.id, emoji: given.emoji }),
    })));
}

function threadLink(message, page) {
  if (!message.thread) return null;
  const text = `🧵 ${message.thread.name} · ${message.thread.replies} messages`;
  return el("div", { class: "thread-link" }, el("button", { type: "button", text, onclick: () => page.open(message.thread.id) }));
}

function dismissLine(message, page) {
  return el("div", { class: "note" }, "Only you can see this · ",
    el("a", { href: "#", text: "Dismiss message", onclick: (event) => { event.preventDefault(); page.act({ act: "delete", message: message.id }); } }));
}

function actions(message, view, page) {
  if (message.ephemeral) return null;
  const tool = (title, text, onclick) => el("button", { type: "button", title, "aria-label": title, text, onclick });
  const menus = view.commands.filter((command) => command.type === 3);
  return el("div", { class: "actions" },
    tool("React with 👍", "👍", () => page.act({ act: "react", message: message.id, emoji: "👍" })),
    tool("React with 👎", "👎", () => page.act({ act: "react", message: message.id, emoji: "👎" })),
    tool("Reply", "↩", () => page.replyTo(message)),
    message.thread || view.channel.parent || view.channel.kind === "direct" ? null : tool("Open a thread", "🧵", () => page.askForThread(message)),
    menus.length ? tool("Apps", "⋯", () => page.askForMenu(message, menus)) : null,
    message.mine ? tool("Edit", "✎", () => page.askForEdit(message)) : null,
    message.mine || view.can_manage ? tool("Delete", "🗑", () => page.act({ act: "delete", message: message.id })) : null);
}
