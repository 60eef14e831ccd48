// Modals of the bot, and the page's own small questions in the same form.

import { byId, el, replace } from "./dom.js";

const TEXT = 4, SELECTS = [3, 5, 6, 7, 8], RADIO = 21, CHECKBOXES = 22, CHECKBOX = 23, LABEL = 18;

// Resolves to the values by custom_id, or null when the member closes it.
export function ask(title, fields, { submit = "Submit" } = {}) {
  const dialog = byId("dialog");
  return new Promise((resolve) => {
    const form = el("form", { method: "dialog" },
      el("h2", { text: title }),
      fields.map((field) => field.node),
      el("div", { class: "buttons" },
        el("button", { type: "button", text: "Cancel", onclick: () => dialog.close() }),
        fields.some((field) => field.read) ? el("button", { type: "submit", class: "primary", text: submit }) : null));
    let values = null;
    form.addEventListener("submit", () => {
      values = Object.fromEntries(fields.filter((f) => f.read).map((f) => [f.id, f.read()]).filter(([, v]) => v !== null));
    });
    dialog.onclose = () => resolve(values);
    replace(dialog, form);
    dialog.showModal();
  });
}

export function textField(id, label, { value = "", long = false, required = true, most = 4000, least = 0, placeholder = "", hint = "" } = {}) {
  const rows = long ? Math.min(Math.max(4, value.split("\n").length + 2), 12) : null;
  const input = el(long ? "textarea" : "input", { value, required, maxLength: most, minLength: least, placeholder, rows });
  input.setSelectionRange(0, 0);
  return { id, node: el("label", {}, label, hint ? el("small", { text: hint }) : null, input), read: () => input.value };
}

export function choiceList(items) {
  return { id: "choice", node: el("div", { class: "rows" }, items), read: null };
}

export function modalFields(modal, entities) {
  return modal.components.flatMap((row) => {
    if (row.type === LABEL) return [field(row.component, row.label, row.description, entities)];
    return (row.components || []).map((component) => field(component, component.label, "", entities));
  });
}

function field(component, label, hint, entities) {
  const required = component.required ?? true;
  if (component.type === TEXT) {
    return textField(component.custom_id, label, {
      value: component.value || "", long: component.style === 2, required, most: component.max_length ?? 4000,
      least: component.min_length ?? 0, placeholder: component.placeholder || "", hint,
    });
  }
  if (SELECTS.includes(component.type)) return selectField(component, label, hint, required, entities);
  if (component.type === CHECKBOX) {
    const box = el("input", { type: "checkbox", checked: component.default || false });
    return { id: component.custom_id, node: el("label", { class: "check" }, box, label), read: () => box.checked };
  }
  return optionsField(component, label, hint, required);
}

function selectField(component, label, hint, required, entities) {
  const options = component.options || entities(component.type);
  const many = (component.max_values ?? 1) > 1;
  const list = el("select", { multiple: many, required },
    many ? null : el("option", { value: "", text: component.placeholder || "Choose…" }),
    options.map((option) => el("option", { value: option.value, text: option.label, selected: option.default || false })));
  const read = () => [...list.selectedOptions].map((option) => option.value).filter(Boolean);
  return { id: component.custom_id, node: el("label", {}, label, hint ? el("small", { text: hint }) : null, list), read };
}

function optionsField(component, label, hint, required) {
  const kind = component.type === RADIO ? "radio" : "checkbox";
  const inputs = component.options.map((option) =>
    el("input", { type: kind, name: component.custom_id, value: option.value, checked: option.default || false, required: kind === "radio" && required }));
  const rows = component.options.map((option, at) => el("label", { class: "check" }, inputs[at], option.label));
  const chosen = () => inputs.filter((input) => input.checked).map((input) => input.value);
  const read = component.type === CHECKBOXES ? chosen : () => chosen()[0] ?? null;
  return { id: component.custom_id, node: el("div", {}, el("label", {}, label, hint ? el("small", { text: hint }) : null), rows), read };
}
