/* Copying an address. Listens on the document, as it is loaded before the page. */
document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy-address]");
    if (!button) return;
    const place = button.closest("[data-address]");
    await navigator.clipboard.writeText(place.querySelector("code").textContent);
    place.querySelector("[role=status]").textContent = "Copied.";
    setTimeout(() => { place.querySelector("[role=status]").textContent = ""; }, 2000);
});
