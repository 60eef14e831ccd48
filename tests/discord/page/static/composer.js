// Where a member writes: text with replies and files, or a slash command with its options and autocomplete.

import { byId, el, readFile, replace } from "./dom.js";

const SUBCOMMAND = 1, GROUP = 2, INTEGER = 4, BOOLEAN = 5, USER = 6, CHANNEL = 7, ROLE = 8, MENTIONABLE = 9, NUMBER = 10, FILE = 11;
const ENTITIES = { [USER]: ["user", 5], [CHANNEL]: ["channel", 8], [ROLE]: ["role", 6], [MENTIONABLE]: ["user", 5] };

export class Composer {
  constructor(page) {
    this.page = page;
    this.text = byId("text");
    this.palette = byId("palette");
    this.files = [];
    this.reply = null;
    this.command = null;
    this.marked = 0;
    this.dismissed = false;
    this.text.addEventListener("input", () => this.typed());
    this.text.addEventListener("keydown", (event) => this.key(event));
    byId("attach").addEventListener("change", (event) => this.attach(event.target));
    byId("composer").addEventListener("submit", (event) => { event.preventDefault(); this.send(); });
  }

  show(view) {
    this.view = view;
    const forum = view.channel.kind === "forum";
    this.text.disabled = !view.channel.can_send || forum;
    this.text.placeholder = forum ? "Open a post to write in it" : view.channel.can_send ? `Message ${title(view.channel)}` : "You cannot write here";
    if (!this.dismissed) this.showPalette(); // another member is offered other commands
  }

  replyTo(message) {
    this.reply = message;
    const close = el("button", { type: "button", text: "×", title: "Do not reply", onclick: () => this.clearReply() });
    replace(byId("reply"), el("span", { text: `Replying to ${message.author.name}: ${message.content.slice(0, 80)}` }), close);
    byId("reply").hidden = false;
    this.text.focus();
  }

  clearReply() {
    this.reply = null;
    byId("reply").hidden = true;
  }

  async attach(input) {
    this.files.push(...(await Promise.all([...input.files].map(readFile))));
    input.value = "";
    this.showFiles();
  }

  showFiles() {
    const clear = el("button", { type: "button", text: "×", onclick: () => { this.files = []; this.showFiles(); } });
    replace(byId("files"), el("span", { text: this.files.map((file) => `📄 ${file.name}`).join("  ") }), clear);
    byId("files").hidden = this.files.length === 0;
  }

  typed() {
    this.text.style.height = "auto";
    this.text.style.height = `${this.text.scrollHeight}px`;
    this.marked = 0;
    this.dismissed = false;
    this.showPalette();
  }

  // Every command with its subcommands, as a member picks them.
  offers() {
    const typed = this.text.value;
    if (/@\w*$/.test(typed)) return this.mentionOffers(/@(\w*)$/.exec(typed)[1].toLowerCase());
    if (!typed.startsWith("/")) return [];
    const all = this.view.commands.filter((command) => command.type === 1).flatMap((command) => leaves(command));
    return all
      .filter((leaf) => leaf.shown.startsWith(typed.slice(1).toLowerCase()))
      .map((leaf) => ({ label: `/${leaf.shown}`, hint: leaf.description, pick: () => this.openCommand(leaf) }));
  }

  mentionOffers(typed) {
    const people = [{ id: this.view.bot.id, name: "Lorekeeper" }, ...this.view.people];
    return people
      .filter((person) => person.name.toLowerCase().startsWith(typed))
      .map((person) => ({ label: `@${person.name}`, hint: "", pick: () => this.mention(person) }));
  }

  mention(person) {
    this.text.value = this.text.value.replace(/@\w*$/, `<@${person.id}> `);
    this.typed();
    this.text.focus();
  }

  showPalette() {
    const offers = this.offers();
    this.palette.hidden = offers.length === 0;
    replace(this.palette, offers.map((offer, at) =>
      el("button", { type: "button", role: "option", "aria-selected": String(at === this.marked), onclick: offer.pick },
        el("strong", { text: offer.label }), el("span", { text: offer.hint }))));
  }

  key(event) {
    const offers = this.palette.hidden ? [] : this.offers();
    if (offers.length && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      event.preventDefault();
      this.marked = (this.marked + (event.key === "ArrowDown" ? 1 : offers.length - 1)) % offers.length;
      this.showPalette();
    } else if (offers.length && (event.key === "Enter" || event.key === "Tab")) {
      event.preventDefault();
      offers[this.marked].pick();
    } else if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      this.send();
    } else if (event.key === "Escape") {
      this.dismissed = true;
      this.palette.hidden = true;
      this.clearReply();
    }
  }

  // Members write "@Lorekeeper": the client turns names into mentions.
  withMentions(text) {
    const people = [{ id: this.view.bot.id, name: "Lorekeeper" }, ...this.view.people];
    return people.reduce((done, person) => done.replace(new RegExp(`@${person.name}\\b`, "gi"), `<@${person.id}>`), text);
  }

  async send() {
    if (this.command) return this.run();
    const content = this.withMentions(this.text.value.trim());
    if (!content && !this.files.length) return;
    const request = { act: "say", content, files: this.files, reply_to: this.reply?.id };
    if (!(await this.page.act(request))) return;
    this.text.value = "";
    this.files = [];
    this.showFiles();
    this.clearReply();
    this.typed();
  }

  openCommand(leaf) {
    this.palette.hidden = true;
    this.text.value = "";
    this.command = leaf;
    this.inputs = new Map(leaf.options.map((option) => [option.name, this.input(option)]));
    const rows = leaf.options.map((option) =>
      el("div", { class: "option" }, el("label", { text: option.label + (option.required ? " *" : ""), htmlFor: `option-${option.name}` }),
        this.inputs.get(option.name).node, el("small", { text: option.description })));
    replace(byId("command"),
      el("h3", {}, `/${leaf.shown}`, el("button", { type: "button", class: "close", text: "×", title: "Close the command", onclick: () => this.closeCommand() })),
      rows, el("button", { type: "submit", class: "primary", text: "Run" }));
    byId("command").hidden = false;
    byId("line").hidden = true;
    byId("command").querySelector("input, select, button.primary").focus();
  }

  closeCommand() {
    this.command = null;
    byId("command").hidden = true;
    byId("line").hidden = false;
    this.text.focus();
  }

  input(option) {
    const id = `option-${option.name}`;
    if (option.type === BOOLEAN) return this.list(id, [["", "–"], ["true", "true"], ["false", "false"]], (value) => value === "true");
    if (option.choices?.length) {
      const typed = (value) => option.choices.find((choice) => String(choice.value) === value).value;
      return this.list(id, [["", "–"], ...option.choices.map((choice) => [String(choice.value), choice.name])], typed);
    }
    if (ENTITIES[option.type]) {
      const [kind, select] = ENTITIES[option.type];
      return this.list(id, [["", "–"], ...this.page.entities(select).map((e) => [e.value, e.label])], (value) => ({ [kind]: value }));
    }
    if (option.type === FILE) {
      const file = el("input", { id, type: "file", required: option.required || false });
      return { node: file, read: async () => (file.files.length ? readFile(file.files[0]) : null) };
    }
    return option.autocomplete ? this.completed(id, option) : this.plain(id, option);
  }

  list(id, choices, parse) {
    const node = el("select", { id }, choices.map(([value, text]) => el("option", { value, text })));
    return { node, read: async () => (node.value === "" ? null : parse(node.value)) };
  }

  plain(id, option) {
    const isNumber = option.type === INTEGER || option.type === NUMBER;
    const node = el("input", {
      id, type: isNumber ? "number" : "text", required: option.required || false, min: option.min_value, max: option.max_value,
      step: option.type === NUMBER ? "any" : null,
    });
    return { node, read: async () => (node.value === "" ? null : isNumber ? Number(node.value) : node.value) };
  }

  // The bot offers values for what is typed; a picked one is sent by its value, not its name.
  completed(id, option) {
    let picked = null;
    let latest = 0;
    const node = el("input", { id, type: "text", required: option.required || false });
    const list = el("div", { class: "choices", hidden: true });
    const offer = async () => {
      picked = null;
      const mine = ++latest;
      const others = await this.values((name) => name !== option.name);
      const reply = await this.page.ask({ act: "complete", command: this.command.path, option: option.name, text: node.value, others });
      if (mine !== latest || !reply) return;
      replace(list, reply.choices.map((choice) =>
        el("button", { type: "button", text: choice.name, onmousedown: () => { picked = choice; node.value = choice.name; list.hidden = true; } })));
      list.hidden = reply.choices.length === 0;
    };
    node.addEventListener("input", offer);
    node.addEventListener("focus", offer);
    node.addEventListener("blur", () => { list.hidden = true; });
    const number = (value) => (option.type === INTEGER || option.type === NUMBER ? Number(value) : value);
    return { node: el("div", {}, node, list), read: async () => (picked ? picked.value : node.value ? number(node.value) : null) };
  }

  async values(wanted = () => true) {
    const found = {};
    for (const [name, input] of this.inputs) {
      const value = wanted(name) ? await input.read() : null;
      if (value !== null) found[name] = value;
    }
    return found;
  }

  async run() {
    const request = { act: "slash", command: this.command.path, options: await this.values() };
    if (await this.page.interact(request)) this.closeCommand();
  }
}

// `path` is what the server knows, `shown` what the member reads in their language.
function leaves(item, path = item.name, shown = item.label) {
  const inner = item.options.filter((option) => option.type === SUBCOMMAND || option.type === GROUP);
  if (!inner.length) return [{ ...item, path, shown }];
  return inner.flatMap((option) => leaves(option, `${path} ${option.name}`, `${shown} ${option.label}`));
}

export function title(channel) {
  return channel.kind === "direct" ? `@${channel.name}` : `#${channel.name}`;
}
