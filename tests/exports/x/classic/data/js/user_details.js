var user_details =  {
  "expanded_url" : "https://example.org",
  "screen_name" : "mossy",
  "location" : "",
  "url" : "",
  "full_name" : "Moss",
  "bio" : "moss",
  "id" : "900",
  "created_at" : "2009-01-01 00:00:00 +0000"
}