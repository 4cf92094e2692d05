// Passkeys: fetches a challenge, has the browser answer it, and sends the answer as a form does.
// A form takes part by data-passkey="create" or "get"; data-begin is where its challenge comes from.
(() => {
  const forms = document.querySelectorAll("form[data-passkey]");
  const able = window.PublicKeyCredential && navigator.credentials;
  const bytes = (text) =>
    Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
  const text = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

  const decoded = (asked) => {
    const options = { ...asked, challenge: bytes(asked.challenge) };
    if (options.user) options.user = { ...options.user, id: bytes(options.user.id) };
    for (const list of ["excludeCredentials", "allowCredentials"]) {
      if (options[list]) options[list] = options[list].map((one) => ({ ...one, id: bytes(one.id) }));
    }
    return options;
  };
  const encoded = (credential) => {
    const response = { clientDataJSON: text(credential.response.clientDataJSON) };
    for (const part of ["attestationObject", "authenticatorData", "signature", "userHandle"]) {
      if (credential.response[part]) response[part] = text(credential.response[part]);
    }
    // Of a registration this part is a copy of what the attestation holds.
    if (response.attestationObject) delete response.authenticatorData;
    return { id: credential.id, rawId: text(credential.rawId), type: credential.type, response };
  };

  const answer = async (form) => {
    const begun = await fetch(form.dataset.begin, {
      method: "POST",
      body: new URLSearchParams(new FormData(form)),
      headers: { accept: "application/json" },
    });
    const asked = await begun.json();
    if (!begun.ok) throw new Error(asked.errors[0]?.message ?? `${asked.detail}. ${asked.action}.`);
    const publicKey = decoded(asked.publicKey ?? asked);
    const credential =
      form.dataset.passkey === "create"
        ? await navigator.credentials.create({ publicKey })
        : await navigator.credentials.get({ publicKey });
    form.elements.answer.value = JSON.stringify(encoded(credential));
    // It has served its purpose.
    if (form.elements.password) form.elements.password.disabled = true;
    form.submit();
  };

  for (const form of forms) {
    const note = form.querySelector("[data-note]");
    const say = (words) => {
      note.textContent = words;
      note.hidden = false;
    };
    const button = form.querySelector("button");
    if (!able) {
      button.disabled = true;
      say("This browser knows no passkeys, or the page was not opened by TLS.");
      continue;
    }
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      button.disabled = true;
      answer(form).catch((error) => {
        button.disabled = false;
        // What the browser itself refuses, it says in words for programmers.
        say(error instanceof DOMException ? "No passkey was given. You can try again." : error.message);
      });
    });
  }
})();
