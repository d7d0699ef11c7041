
(() => {
  "use strict";
  const drawing = document.querySelector("svg.map");
  const details = document.getElementById("details");
  const columns = [0, 1].map((n) => [...document.querySelectorAll(`[data-column="${n}"]`)]);
  const hint = details.textContent;
  let kept = null;
  let shown = null;

  // Text of the tree only ever becomes text: no markup is made of it.
  const element = (name, text) => {
    const made = document.createElement(name);
    made.textContent = text;
    return made;
  };

  const show = (item) => {
    if (item === shown) return;
    shown = item;
    if (!item) {
      details.replaceChildren(element("p", hint));
      return;
    }
    const list = document.createElement("dl");
    for (const line of item.querySelector("title").textContent.split("\n")) {
      const at = line.indexOf(": ");
      list.append(element("dt", line.slice(0, at)), element("dd", line.slice(at + 2)));
    }
    const note = item === kept ? [element("p", "Kept. Escape lets go.")] : [];
    note.forEach((made) => (made.className = "kept"));
    details.replaceChildren(list, ...note);
  };

  const keep = (item) => {
    if (kept) kept.setAttribute("aria-selected", "false");
    kept = item;
    if (item) item.setAttribute("aria-selected", "true");
    shown = undefined;
    show(item);
  };

  const go = (item) => {
    if (!item) return;
    const column = columns[Number(item.dataset.column)];
    column.forEach((other) => (other.tabIndex = other === item ? 0 : -1));
    item.focus();
  };

  // The item of the other map with the same name, else the one at the same height.
  const across = (item, by) => {
    const other = columns[Number(item.dataset.column) + by] || [];
    const name = (of) => of.querySelector("title").textContent.split("\n")[0];
    const middle = (of) => {
      const box = of.getBoundingClientRect();
      return box.top + box.height / 2;
    };
    const distance = (of) => Math.abs(middle(of) - middle(item));
    const same = item.classList.contains("claim") && other.find((of) => name(of) === name(item));
    return same || other.slice().sort((a, b) => distance(a) - distance(b))[0];
  };

  for (const item of columns.flat()) {
    item.addEventListener("pointerenter", () => kept || show(item));
    item.addEventListener("focus", () => kept || show(item));
    item.addEventListener("click", () => {
      go(item);
      keep(item === kept ? null : item);
    });
    item.addEventListener("keydown", (event) => {
      const column = columns[Number(item.dataset.column)];
      const at = column.indexOf(item);
      const moves = {
        ArrowDown: () => go(column[at + 1]),
        ArrowUp: () => go(column[at - 1]),
        Home: () => go(column[0]),
        End: () => go(column[column.length - 1]),
        ArrowRight: () => go(across(item, 1)),
        ArrowLeft: () => go(across(item, -1)),
        Enter: () => keep(item === kept ? null : item),
        " ": () => keep(item === kept ? null : item),
        Escape: () => keep(null),
      };
      if (!Object.hasOwn(moves, event.key) || event.ctrlKey || event.altKey || event.metaKey) return;
      event.preventDefault();
      moves[event.key]();
    });
  }

  document.getElementById("free").addEventListener("change", (event) => {
    drawing.classList.toggle("with-free", event.target.checked);
  });
})();
