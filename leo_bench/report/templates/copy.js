// A command gets a button that copies it: a row with data-command in its head, a command in a cell behind it.
// Without this script, or without a clipboard, a click selects the command in a cell.
const copyButton = (command, name) => {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "copy";
  button.textContent = "copy";
  button.title = command;
  button.setAttribute("aria-label", name);
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(command);
      button.textContent = "copied";
    } catch {
      button.textContent = "not copied";
    }
    setTimeout(() => { button.textContent = "copy"; }, 2000);
  });
  return button;
};
if (navigator.clipboard) {
  for (const code of document.querySelectorAll("td code")) code.after(copyButton(code.textContent, `Copy ${code.textContent}`));
  for (const row of document.querySelectorAll("tr[data-command]")) {
    const head = row.querySelector("th");
    head.append(" ", copyButton(row.dataset.command, `Copy the command that repeats the runs of ${head.textContent}`));
  }
}
