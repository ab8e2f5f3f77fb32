window.YTD.note_tweet.part0 = [
  {
    "noteTweet": {
      "noteTweetId": "55",
      "updatedAt": "2023-10-12T08:00:00.000Z",
      "createdAt": "2023-10-12T08:00:00.000Z",
      "lifecycle": {
        "value": "Visible"
      },
      "core": {
        "styletags": [],
        "urls": [],
        "text": "Seven kettles stood on the harbour wall &amp; nobody knew why. They hummed quietly in the rain, each a little out of tune with the next. They hummed quietly in the rain, each a little out of tune with the next. They hummed quietly in the rain, each a little out of tune with the next. They hummed quietly in the rain, each a little out of tune with the next. By noon they were gone.",
        "mentions": [],
        "cashtags": [],
        "hashtags": []
      }
    }
  }
]