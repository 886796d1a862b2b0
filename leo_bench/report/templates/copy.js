// Commands in tables get a button that copies them. Without this script, or without a clipboard, a click selects the command.
for (const code of navigator.clipboard ? document.querySelectorAll("td code") : []) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "copy";
  button.textContent = "copy";
  button.setAttribute("aria-label", `Copy ${code.textContent}`);
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(code.textContent);
      button.textContent = "copied";
    } catch {
      button.textContent = "select it";
    }
    setTimeout(() => { button.textContent = "copy"; }, 2000);
  });
  code.after(button);
}
