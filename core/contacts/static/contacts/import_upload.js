// A file dropped anywhere on the zone, its name and size, and how far the upload is. Without this script the form works
// as any other.
"use strict";

(() => {
  const form = document.querySelector("[data-upload]");
  if (!form) return;
  const zone = form.querySelector("[data-drop]");
  const input = zone.querySelector("input[type=file]");
  const shown = zone.querySelector("[data-drop-file]");
  const progress = form.querySelector("[data-upload-progress]");
  const line = form.querySelector("[data-upload-line]");
  const problem = form.querySelector("[data-upload-problem]");
  const button = form.querySelector("button");
  let isUploading = false;

  const size = (bytes) => {
    if (bytes < 1024) return `${bytes} bytes`;
    if (bytes < 1024 ** 2) return `${Math.round(bytes / 1024)} kB`;
    return `${(bytes / 1024 ** 2).toFixed(1)} MB`;
  };

  const refuse = (sentence) => {
    problem.lastElementChild.textContent = sentence;
    problem.hidden = !sentence;
  };

  function showFile() {
    const file = input.files[0];
    shown.hidden = !file;
    shown.textContent = file ? `${file.name} · ${size(file.size)}` : "";
    zone.querySelector("[data-drop-words]").textContent = file ? "Choose another file" : "Choose a file";
    zone.classList.toggle("ct-drop-chosen", Boolean(file));
    const limit = Number(input.dataset.maxBytes);
    refuse(file && limit && file.size > limit ? `${file.name} is larger than ${size(limit)}. Split it into several files.` : "");
  }

  function showProgress(loaded, total) {
    const percent = total ? Math.floor((100 * loaded) / total) : 0;
    const bar = progress.querySelector("[role=progressbar]");
    bar.firstElementChild.style.width = `${percent}%`;
    bar.setAttribute("aria-valuenow", percent);
    line.textContent = loaded < total ? `${size(loaded)} of ${size(total)} uploaded` : "Uploaded. The columns are being found out …";
  }

  function stop(sentence) {
    isUploading = false;
    progress.hidden = true;
    button.disabled = false;
    refuse(sentence);
  }

  function upload() {
    const request = new XMLHttpRequest();
    request.open("POST", form.action);
    request.setRequestHeader("Accept", "application/json");
    request.responseType = "json";
    request.upload.addEventListener("progress", (event) => showProgress(event.loaded, event.total));
    request.addEventListener("load", () => {
      if (request.response?.url) window.location.assign(request.response.url);
      else stop(request.response?.problem || `The upload was refused (${request.status}). Reload this page and try again.`);
    });
    request.addEventListener("error", () => stop("The connection broke during the upload. Try again."));
    isUploading = true;
    button.disabled = true;
    progress.hidden = false;
    refuse("");
    showProgress(0, input.files[0].size);
    request.send(new FormData(form));
  }

  zone.querySelector("[data-drop-hint]").hidden = false;
  zone.classList.add("ct-drop-live");
  // Unfold, on load, would write the file's name into a text field of its own widget, which is not here.
  input.hasChangeListener = true;
  input.addEventListener("change", showFile);
  for (const type of ["dragenter", "dragover"]) {
    zone.addEventListener(type, (event) => {
      event.preventDefault();
      zone.classList.add("ct-drop-over");
    });
  }
  zone.addEventListener("dragleave", (event) => {
    if (!zone.contains(event.relatedTarget)) zone.classList.remove("ct-drop-over");
  });
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    zone.classList.remove("ct-drop-over");
    if (event.dataTransfer.files.length > 1) return refuse("Drop one file at a time.");
    if (!event.dataTransfer.files.length) return;
    input.files = event.dataTransfer.files;
    showFile();
  });
  // A file that misses the zone would otherwise replace the page.
  for (const type of ["dragover", "drop"]) window.addEventListener(type, (event) => event.preventDefault());
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!isUploading && input.files.length && problem.hidden) upload();
    else if (!isUploading && !input.files.length) refuse("Choose a file first.");
  });
  // Coming back by the browser's own button finds the file still chosen.
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) stop("");
    if (input.files.length) showFile();
  });
})();
