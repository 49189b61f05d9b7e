/* Copying a record's name or value. Listens on the document, as it is loaded before the page. */
document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy-value]");
    if (!button) return;
    await navigator.clipboard.writeText(button.parentElement.querySelector("[data-value]").textContent);
    document.querySelector("[data-copied]").textContent = "Copied.";
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
});
