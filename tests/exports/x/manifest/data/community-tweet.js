window.YTD.community_tweet.part0 = [
  {
    "tweet": {
      "edit_info": {
        "initial": {
          "editTweetIds": [
            "1700000000000000013"
          ],
          "editableUntil": "2023-10-11T21:19:24.000Z",
          "editsRemaining": "5",
          "isEditEligible": true
        }
      },
      "retweeted": false,
      "source": "<a href=\"https://example.org\">Kettle</a>",
      "entities": {
        "hashtags": [],
        "symbols": [],
        "user_mentions": [],
        "urls": []
      },
      "display_text_range": [
        "0",
        "25"
      ],
      "favorite_count": "1",
      "retweet_count": "0",
      "id_str": "1700000000000000013",
      "id": "1700000000000000013",
      "truncated": false,
      "created_at": "Wed Oct 11 20:19:24 +0000 2023",
      "favorited": false,
      "full_text": "only for the pond society",
      "lang": "en"
    }
  }
]