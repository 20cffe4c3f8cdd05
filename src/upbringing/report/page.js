// Draws the charts and shows what each mind answered. Text only ever enters through textContent.
"use strict";

const read = (id) => JSON.parse(document.getElementById(id).textContent);

const { specs, config } = read("charts");
for (const [id, spec] of Object.entries(specs)) {
  vegaEmbed(document.getElementById(id), spec, {
    config,
    mode: "vega-lite",
    renderer: "svg",
    actions: false,
    ast: true, // expressions are interpreted: the page's policy forbids eval
    defaultStyle: false,
    tooltip: { disableDefaultStyle: true },
  });
}

const samples = read("samples-data");
if (samples) explore(samples);

function explore({ steps, arms, answers, scale }) {
  const control = (name) => document.getElementById(`sample-${name}`);
  const selects = ["schedule", "seed", "prompt", "draw"].map(control);
  const age = control("age");
  const shown = control("age-shown");
  const minds = document.getElementById("minds");
  const byKey = new Map(answers.map(([key, ...answer]) => [key, answer]));
  const raised = new Set(answers.map(([key]) => key.split("/").slice(0, 3).join("/")));

  function show() {
    const [schedule, seed, prompt, draw] = selects.map((select) => select.value);
    const step = steps[age.value];
    shown.textContent = step;
    age.setAttribute("aria-valuetext", step);
    const here = arms.filter(({ id }) => raised.has([id, schedule, seed].join("/")));
    minds.replaceChildren(
      ...here.map((arm) => {
        const key = [arm.id, schedule, seed, age.value, prompt, draw].join("/");
        return mind(arm, byKey.get(key));
      }),
    );
  }

  function mind(arm, answer) {
    const article = element("article", "mind");
    article.style.setProperty("--swatch", arm.colour);
    const title = element("h3", "", arm.label);
    const body = element("p", "");
    body.dir = "auto";
    if (answer) {
      const [opening, text, voice] = answer;
      body.append(element("span", "opening", opening), text);
      if (voice !== null) title.append(element("span", "", ` · ${scale} ${voice}`));
    } else {
      body.append(element("span", "opening", "No sample was drawn here."));
    }
    article.append(title, body);
    return article;
  }

  for (const select of [...selects, age]) select.addEventListener("input", show);
  show();
}

function element(name, className, text = "") {
  const made = document.createElement(name);
  made.className = className;
  made.textContent = text;
  return made;
}
