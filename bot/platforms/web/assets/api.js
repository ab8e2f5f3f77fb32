// Requests to the server, and its errors as one class.

/** An error whose message is fit for the person at the page. */
export class ApiError extends Error {
  constructor(message, code, status) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

/** Send a request and return the JSON of the answer, or null where it has none. Raises `ApiError`. */
export async function ask(method, path, body) {
  const options = { method, credentials: "same-origin" };
  if (method !== "GET") {
    options.headers = { "Content-Type": "application/json" };
    options.body = JSON.stringify(body ?? {});
  }
  const response = await fetch(`/page/${path}`, options).catch(() => {
    throw new ApiError("", "unreachable", 0);
  });
  const answer = await response.json().catch(() => null);
  if (response.ok) return answer;
  const { message = "", code = "" } = answer?.error ?? {};
  throw new ApiError(message, code, response.status);
}

/** Return the path of a conversation, or of a part of it. */
export function pathOf(id, ...parts) {
  return ["conversations", id, ...parts].map(encodeURIComponent).join("/");
}
