/* Tags one by one: a field with commas becomes chips with a remove button each. Without scripts the field itself works. */
document.addEventListener("DOMContentLoaded", () => {
    for (const box of document.querySelectorAll("[data-tags]")) {
        enhance(box);
    }
});

function enhance(box) {
    const field = box.querySelector("input");
    const known = box.querySelector("datalist");
    const typed = field.cloneNode();
    const chips = document.createElement("ul");
    const said = document.createElement("span");
    let tags = split(field.value);
    typed.removeAttribute("name");
    typed.value = "";
    typed.setAttribute("list", known.id);
    typed.setAttribute("autocomplete", "off");
    typed.placeholder = "Add a tag";
    field.type = "hidden";
    field.removeAttribute("id");
    chips.className = "ct-chips";
    said.className = "ex-hidden";
    said.setAttribute("role", "status");
    box.append(chips, typed, said);

    function split(text) {
        return text.split(",").map((tag) => tag.replace(/\s+/g, " ").trim()).filter(Boolean);
    }

    function show() {
        field.value = tags.join(", ");
        chips.replaceChildren(...tags.map(chip));
        field.dispatchEvent(new Event("change", { bubbles: true }));
    }

    function chip(tag) {
        const item = document.createElement("li");
        const remove = document.createElement("button");
        item.textContent = tag;
        remove.type = "button";
        remove.textContent = "×";
        remove.setAttribute("aria-label", `Remove tag ${tag}`);
        remove.addEventListener("click", () => {
            tags = tags.filter((other) => other !== tag);
            show();
            said.textContent = `${tag} removed`;
            typed.focus();
        });
        item.append(remove);
        return item;
    }

    function take() {
        const added = split(typed.value).filter((tag) => !tags.includes(tag));
        typed.value = "";
        if (added.length) {
            tags = [...tags, ...new Set(added)];
            show();
            said.textContent = `${added.join(", ")} added`;
        }
    }

    typed.addEventListener("keydown", (event) => {
        if (event.key === "Enter" || event.key === ",") {
            event.preventDefault();
            take();
        } else if (event.key === "Backspace" && typed.value === "" && tags.length) {
            said.textContent = `${tags.at(-1)} removed`;
            tags = tags.slice(0, -1);
            show();
        }
    });
    typed.addEventListener("blur", take);
    field.form?.addEventListener("submit", take);
    show();
}
