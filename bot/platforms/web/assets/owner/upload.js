// Sending a file as bytes, with its progress.
import { ApiError } from "../api.js";

/** Send a file to a path; `progress(share, all)` is told the bytes. Raises `ApiError`. */
export function upload(path, file, progress = () => {}) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("PUT", `/page/${path}`);
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.responseType = "json";
    request.upload.addEventListener("progress", (event) => progress(event.loaded, event.total));
    request.addEventListener("error", () => reject(new ApiError("", "unreachable", 0)));
    request.addEventListener("load", () => {
      if (request.status === 200) return resolve(request.response);
      const { message = "", code = "" } = request.response?.error ?? {};
      return reject(new ApiError(message, code, request.status));
    });
    request.send(file);
  });
}
