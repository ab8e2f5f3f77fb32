window.YTD.like.part0 = [
  {
    "like": {
      "tweetId": "1699999999999999999",
      "fullText": "Is it the first kettle? https://t.co/zzz",
      "expandedUrl": "https://twitter.com/i/web/status/1699999999999999999"
    }
  },
  {
    "like": {
      "tweetId": "1600000000000000000",
      "fullText": "unrelated",
      "expandedUrl": "https://twitter.com/i/web/status/1600000000000000000"
    }
  },
  {
    "like": {
      "tweetId": "1600000000000000001",
      "expandedUrl": "https://twitter.com/i/web/status/1600000000000000001"
    }
  }
]