"""The page in the browser as a platform: conversations with personas, on the API's socket."""
