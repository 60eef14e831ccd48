// The page: one socket, the latest view, and what a member can do from anywhere on it.

import { byId, el, replace } from "./dom.js";
import { Composer, title } from "./composer.js";
import { ask, choiceList, modalFields, textField } from "./dialogs.js";
import { renderMessages, renderPosts } from "./messages.js";

const MARKS = { forum: "▤", text: "#", news: "#", direct: "@", public_thread: "┗", private_thread: "🔒" };

class Page {
  constructor() {
    this.waiting = new Map();
    this.count = 0;
    this.read = new Map();
    this.composer = new Composer(this);
    byId("person").addEventListener("change", (event) => this.act({ act: "be", who: event.target.value }));
    byId("guild").addEventListener("change", (event) => this.act({ act: "visit", guild: event.target.value }));
    this.connect();
  }

  connect() {
    this.socket = new WebSocket(`ws://${location.host}/socket`);
    this.socket.addEventListener("message", (event) => this.receive(JSON.parse(event.data)));
    this.socket.addEventListener("close", () => {
      this.trouble("The loopback Discord is not running; trying again…");
      setTimeout(() => this.connect(), 1000);
    });
  }

  receive(frame) {
    if (frame.view) return this.show(frame.view);
    const resolve = this.waiting.get(frame.number);
    this.waiting.delete(frame.number);
    resolve(frame);
  }

  // The result, or null after showing why not.
  async ask(request) {
    const number = ++this.count;
    const reply = await new Promise((resolve) => {
      this.waiting.set(number, resolve);
      this.socket.send(JSON.stringify({ ...request, number }));
    });
    this.trouble(reply.error || "");
    return reply.error ? null : reply.result;
  }

  async act(request) {
    return (await this.ask(request)) !== null;
  }

  // An act that the bot may answer with a modal, whose submission it may again answer.
  async interact(request) {
    const result = await this.ask(request);
    if (!result?.modal) return result !== null;
    const values = await ask(result.modal.title, modalFields(result.modal, (kind) => this.entities(kind)));
    if (values === null) return true;
    return this.interact({ act: "submit", interaction: result.interaction, values });
  }

  trouble(text) {
    byId("trouble").textContent = text;
    byId("trouble").hidden = !text;
  }

  open(channel) {
    this.composer.clearReply();
    return this.act({ act: "visit", channel });
  }

  replyTo(message) {
    this.composer.replyTo(message);
  }

  entities(kind) {
    const people = [...this.view.people, this.view.bot].map((p) => ({ value: p.id, label: p.name || p.username }));
    const roles = this.view.roles.map((role) => ({ value: role.id, label: role.name }));
    const channels = this.view.channels.map((channel) => ({ value: channel.id, label: `#${channel.name}` }));
    return { 5: people, 6: roles, 7: [...people, ...roles], 8: channels }[kind];
  }

  async askForThread(message) {
    const values = await ask("Open a thread", [textField("name", "Name", { most: 100, value: message ? message.content.slice(0, 60) : "" })], { submit: "Open" });
    if (values) this.act({ act: "thread", name: values.name, message: message?.id });
  }

  async askForPost() {
    const fields = [textField("title", "Title", { most: 100 }), textField("content", "What is it about?", { long: true, most: 2000 })];
    const values = await ask("New post", fields, { submit: "Post" });
    if (values) this.act({ act: "post", title: values.title, content: values.content });
  }

  async askForEdit(message) {
    const values = await ask("Edit message", [textField("content", "Message", { long: true, most: 2000, value: message.content })], { submit: "Save" });
    if (values) this.act({ act: "edit", message: message.id, content: values.content });
  }

  askForMenu(message, menus) {
    const choose = (name) => { byId("dialog").close(); this.interact({ act: "menu", message: message.id, command: name }); };
    ask("Apps", [choiceList(menus.map((menu) => el("button", { type: "button", text: menu.label, onclick: () => choose(menu.name) })))]);
  }

  show(view) {
    const moved = this.view?.channel.id !== view.channel.id;
    this.view = view;
    view.can_manage = view.people.find((person) => person.id === view.me.id)?.admin || false;
    this.showSide(view);
    this.showTitle(view);
    this.composer.show(view);
    if (view.channel.kind === "forum") renderPosts(byId("messages"), view, this);
    else renderMessages(byId("messages"), view, this);
    if (moved) byId("messages").scrollTop = byId("messages").scrollHeight;
    byId("typing").textContent = view.typing ? "Lorekeeper is typing…" : "";
  }

  showSide(view) {
    options(byId("guild"), view.guilds.map((guild) => [guild.id, guild.name]), view.guild.id);
    options(byId("person"), view.people.map((p) => [p.id, p.name + (p.admin ? " (admin)" : "") + (p.locale === "en-US" ? "" : ` · ${p.locale}`)]), view.me.id);
    byId("connection").textContent = view.connected ? "Lorekeeper is online" : "Lorekeeper is offline";
    byId("connection").className = view.connected ? "on" : "";
    this.read.set(view.channel.id, view.channel.last);
    const direct = { id: view.direct, name: "Lorekeeper", kind: "direct", last: null };
    replace(byId("channels"),
      el("h2", { text: "Direct messages" }), this.channelButton(direct, ""),
      el("h2", { text: "Channels" }),
      view.channels.flatMap((channel) => [this.channelButton(channel, ""), ...channel.threads.map((t) => this.channelButton(t, "inner"))]));
  }

  channelButton(channel, inner) {
    if (!this.read.has(channel.id)) this.read.set(channel.id, channel.last);
    const current = channel.id === this.view.channel.id;
    const unread = !current && channel.last !== this.read.get(channel.id);
    return el("button", {
      type: "button", class: `${inner} ${unread ? "unread" : ""}`, "aria-current": String(current), onclick: () => this.open(channel.id),
    }, el("span", { class: "mark", text: MARKS[channel.kind] || "#" }), channel.name);
  }

  showTitle(view) {
    const canThread = view.channel.kind === "text";
    replace(byId("title"),
      el("span", { text: title(view.channel) }), el("span", { class: "topic", text: view.channel.topic || "" }),
      canThread ? el("button", { type: "button", text: "New thread", onclick: () => this.askForThread(null) }) : null);
  }
}

// Only when something changed: a list that is open must stay open.
function options(select, entries, chosen) {
  const key = JSON.stringify([entries, chosen]);
  if (select.dataset.key === key) return;
  select.dataset.key = key;
  replace(select, entries.map(([value, text]) => el("option", { value, text, selected: value === chosen })));
}

new Page();
