window.YTD.tweets.part1 = [
  {
    "tweet": {
      "edit_info": {
        "initial": {
          "editTweetIds": [
            "1700000000000000012"
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
        "20"
      ],
      "favorite_count": "1",
      "retweet_count": "0",
      "id_str": "1700000000000000012",
      "id": "1700000000000000012",
      "truncated": false,
      "created_at": "Wed Oct 11 20:19:24 +0000 2023",
      "favorited": false,
      "full_text": "two parts, one voice",
      "lang": "fr"
    }
  }
];
