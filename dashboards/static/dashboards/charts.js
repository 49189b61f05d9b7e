"use strict";
// Draws every [data-ex-figure] with the colours of the theme in use, and again when the theme changes. A figure names
// roles ("role:opened"), dashboards.css gives each role its colour in light and dark.
(function () {
  const root = document.documentElement;
  const ROLE = "role:";
  const NARROW_PX = 640;
  const PX_FOR_A_LETTER_OF_A_NAME = 17;
  const LINE_PX = 15;

  function color(role) {
    return getComputedStyle(root).getPropertyValue(`--ex-chart-${role}`).trim();
  }

  function painted(value) {
    if (typeof value === "string") {
      return value.startsWith(ROLE) ? color(value.slice(ROLE.length)) : value;
    }
    if (Array.isArray(value)) {
      return value.map(painted);
    }
    if (value !== null && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, painted(part)]));
    }
    return value;
  }

  function axis(given, isNarrow) {
    const ground = { gridcolor: color("grid"), linecolor: color("grid"), zerolinecolor: color("grid") };
    return Object.assign(ground, given, isNarrow && given.nticks ? { nticks: Math.ceil(given.nticks / 2) } : {});
  }

  function themed(figure, isNarrow) {
    const data = figure.data.map(function (trace) {
      const role = trace.meta ? trace.meta.role : "text";
      return Object.assign({}, painted(trace), {
        insidetextfont: { color: color(`on_${role}`) || color("text") },
        outsidetextfont: { color: color("text") },
      });
    });
    const layout = Object.assign({}, painted(figure.layout), {
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      font: { family: getComputedStyle(document.body).fontFamily, size: isNarrow ? 12 : 13, color: color("text") },
      hoverlabel: { bgcolor: color("paper"), bordercolor: color("grid"), font: { color: color("text") } },
      separators: ".,",
    });
    for (const name of Object.keys(layout)) {
      if (/^[xy]axis\d*$/.test(name)) {
        layout[name] = axis(layout[name], isNarrow);
      }
    }
    return { data: data, layout: layout };
  }

  // Long names of rows would take half of the picture: they go on over several lines.
  function wrapped(name, longest) {
    return String(name).split(" ").reduce(function (lines, word) {
      const last = lines.length - 1;
      if (last >= 0 && lines[last].length + word.length < longest) {
        lines[last] += ` ${word}`;
      } else {
        lines.push(word);
      }
      return lines;
    }, []).join("<br>");
  }

  function withWrappedNames(figure, width) {
    const axisOfNames = figure.layout.yaxis || {};
    if (!axisOfNames.categoryarray) {
      return figure;
    }
    const longest = Math.max(12, Math.round(width / PX_FOR_A_LETTER_OF_A_NAME));
    for (const trace of figure.data) {
      trace.y = trace.y.map((name) => wrapped(name, longest));
    }
    axisOfNames.categoryarray = axisOfNames.categoryarray.map((name) => wrapped(name, longest));
    const lines = Math.max(1, ...axisOfNames.categoryarray.map((name) => name.split("<br>").length));
    const needed = axisOfNames.categoryarray.length * (lines * LINE_PX + 12) + 48;
    figure.layout.height = Math.max(figure.layout.height, lines > 1 ? needed : 0);
    return figure;
  }

  function figureOf(element) {
    const given = JSON.parse(document.getElementById(element.dataset.exFigure).textContent);
    const isNarrow = element.clientWidth < NARROW_PX;
    return withWrappedNames(themed(given, isNarrow), element.clientWidth);
  }

  function draw(element) {
    const figure = figureOf(element);
    return window.Plotly.react(element, figure.data, figure.layout, { displayModeBar: false, responsive: true }).then(function () {
      element.classList.remove("ex-dash-loading");
    });
  }

  // Of a bar or dot: one number; of a field: row and column.
  function addressOf(point) {
    const urls = (point.data.meta || {}).urls;
    if (!urls) {
      return "";
    }
    const found = Array.isArray(point.pointIndex) ? urls[point.pointIndex[0]][point.pointIndex[1]] : urls[point.pointIndex];
    return typeof found === "string" && found.startsWith("/") ? found : "";
  }

  function openWhatIsBehind(event) {
    const address = addressOf(event.points[0]);
    if (address) {
      window.location.assign(address);
    }
  }

  function showWhetherItLeads(element, event) {
    element.classList.toggle("ex-dash-leads", Boolean(event && event.points.some(addressOf)));
  }

  const elements = Array.from(document.querySelectorAll("[data-ex-figure]"));
  for (const element of elements) {
    draw(element).then(function () {
      element.on("plotly_click", openWhatIsBehind);
      element.on("plotly_hover", (event) => showWhetherItLeads(element, event));
      element.on("plotly_unhover", () => showWhetherItLeads(element, null));
    });
  }
  document.addEventListener("ex-figure", function (event) {
    draw(event.target);
  });
  new MutationObserver(function () {
    elements.forEach(draw);
  }).observe(root, { attributes: true, attributeFilter: ["class"] });

  // A picture stands alone: it has its title, and the theme's paper instead of none.
  function picture(element) {
    const figure = figureOf(element);
    const margin = Object.assign({}, figure.layout.margin, { t: (figure.layout.margin.t || 0) + 56, l: 24, r: 24, b: 24 });
    Object.assign(figure.layout, {
      paper_bgcolor: color("paper"),
      margin: margin,
      height: figure.layout.height + 56,
      width: Math.max(element.clientWidth, 900),
      title: {
        text: element.dataset.exTitle, pad: { t: 18, l: 24 },
        x: 0, xref: "container", xanchor: "left", y: 1, yref: "container", yanchor: "top",
      },
    });
    return window.Plotly.downloadImage(figure, {
      format: "png",
      scale: 2,
      width: figure.layout.width,
      height: figure.layout.height,
      filename: element.id.replace("ex-dash-", ""),
    });
  }

  for (const button of document.querySelectorAll("[data-ex-png]")) {
    button.addEventListener("click", function () {
      picture(document.getElementById(button.dataset.exPng));
    });
  }
})();
