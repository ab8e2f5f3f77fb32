var payload_details = {
  "tweets" : 3,
  "created_at" : "2013-01-01 00:00:00 +0000",
  "lang" : "en"
}