window.YTD.tweets.part0 = [
  {
    "tweet": {
      "edit_info": {
        "initial": {
          "editTweetIds": [
            "1700000000000000001"
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
        "urls": [
          {
            "url": "https://t.co/aaa1",
            "expanded_url": "https://example.org/kettle",
            "display_url": "example.org/kettle",
            "indices": [
              "0",
              "9"
            ]
          }
        ]
      },
      "display_text_range": [
        "0",
        "39"
      ],
      "favorite_count": "1",
      "retweet_count": "0",
      "id_str": "1700000000000000001",
      "id": "1700000000000000001",
      "truncated": false,
      "created_at": "Wed Oct 11 20:19:24 +0000 2023",
      "favorited": false,
      "full_text": "Tea &amp; toast &lt;3 https://t.co/aaa1",
      "lang": "en"
    }
  },
  {
    "tweet": {
      "edit_info": {
        "initial": {
          "editTweetIds": [
            "1700000000000000002"
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
        "user_mentions": [
          {
            "name": "Reed",
            "screen_name": "reed",
            "indices": [
              "0",
              "5"
            ],
            "id_str": "901",
            "id": "901"
          }
        ],
        "urls": []
      },
      "display_text_range": [
        "0",
        "33"
      ],
      "favorite_count": "1",
      "retweet_count": "0",
      "id_str": "1700000000000000002",
      "id": "1700000000000000002",
      "truncated": false,
      "created_at": "Wed Oct 11 20:19:24 +0000 2023",
      "favorited": false,
      "full_text": "@reed @boat no, the second kettle",
      "lang": "en",
      "in_reply_to_status_id": "1699999999999999999",
      "in_reply_to_status_id_str": "1699999999999999999",
      "in_reply_to_user_id": "901",
      "in_reply_to_user_id_str": "901",
      "in_reply_to_screen_name": "reed"
    }
  },
  {
    "tweet": {
      "edit_info": {
        "initial": {
          "editTweetIds": [
            "1700000000000000003"
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
        "15"
      ],
      "favorite_count": "1",
      "retweet_count": "0",
      "id_str": "1700000000000000003",
      "id": "1700000000000000003",
      "truncated": false,
      "created_at": "Wed Oct 11 20:19:24 +0000 2023",
      "favorited": false,
      "full_text": "and a third one",
      "lang": "en",
      "in_reply_to_status_id_str": "1700000000000000001",
      "in_reply_to_user_id_str": "900",
      "in_reply_to_screen_name": "mossy"
    }
  },
  {
    "tweet": {
      "edit_info": {
        "initial": {
          "editTweetIds": [
            "1700000000000000004"
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
        "user_mentions": [
          {
            "name": "Reed",
            "screen_name": "reed",
            "indices": [
              "0",
              "5"
            ],
            "id_str": "901",
            "id": "901"
          }
        ],
        "urls": []
      },
      "display_text_range": [
        "0",
        "46"
      ],
      "favorite_count": "1",
      "retweet_count": "0",
      "id_str": "1700000000000000004",
      "id": "1700000000000000004",
      "truncated": false,
      "created_at": "Wed Oct 11 20:19:24 +0000 2023",
      "favorited": false,
      "full_text": "RT @reed: somebody else's kettle, said at len…",
      "lang": "en"
    }
  },
  {
    "tweet": {
      "edit_info": {
        "initial": {
          "editTweetIds": [
            "1700000000000000005"
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
        "urls": [
          {
            "url": "https://t.co/qqq1",
            "expanded_url": "https://x.com/reed/status/7001",
            "display_url": "x.com/reed",
            "indices": [
              "0",
              "9"
            ]
          }
        ]
      },
      "display_text_range": [
        "0",
        "31"
      ],
      "favorite_count": "1",
      "retweet_count": "0",
      "id_str": "1700000000000000005",
      "id": "1700000000000000005",
      "truncated": false,
      "created_at": "Wed Oct 11 20:19:24 +0000 2023",
      "favorited": false,
      "full_text": "this, exactly https://t.co/qqq1",
      "lang": "en"
    }
  },
  {
    "tweet": {
      "edit_info": {
        "initial": {
          "editTweetIds": [
            "1700000000000000006"
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
        "user_mentions": [
          {
            "name": "Reed",
            "screen_name": "reed",
            "indices": [
              "0",
              "5"
            ],
            "id_str": "901",
            "id": "901"
          }
        ],
        "urls": [
          {
            "url": "https://t.co/qqq2",
            "expanded_url": "https://mobile.twitter.com/reed/status/7002",
            "display_url": "x.com/reed",
            "indices": [
              "0",
              "9"
            ]
          }
        ]
      },
      "display_text_range": [
        "0",
        "33"
      ],
      "favorite_count": "1",
      "retweet_count": "0",
      "id_str": "1700000000000000006",
      "id": "1700000000000000006",
      "truncated": false,
      "created_at": "Wed Oct 11 20:19:24 +0000 2023",
      "favorited": false,
      "full_text": "@reed also this https://t.co/qqq2",
      "lang": "en",
      "in_reply_to_status_id": "-1",
      "in_reply_to_user_id": "901"
    }
  },
  {
    "tweet": {
      "edit_info": {
        "initial": {
          "editTweetIds": [
            "1700000000000000007"
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
        "urls": [],
        "media": [
          {
            "url": "https://t.co/mmm1",
            "media_url_https": "https://pbs.example.org/media/pond.jpg",
            "type": "photo"
          }
        ]
      },
      "display_text_range": [
        "0",
        "22"
      ],
      "favorite_count": "1",
      "retweet_count": "0",
      "id_str": "1700000000000000007",
      "id": "1700000000000000007",
      "truncated": false,
      "created_at": "Wed Oct 11 20:19:24 +0000 2023",
      "favorited": false,
      "full_text": "look https://t.co/mmm1",
      "lang": "en",
      "extended_entities": {
        "media": [
          {
            "url": "https://t.co/mmm1",
            "media_url_https": "https://pbs.example.org/media/pond.jpg",
            "type": "photo"
          }
        ]
      }
    }
  },
  {
    "tweet": {
      "edit_info": {
        "initial": {
          "editTweetIds": [
            "1700000000000000008"
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
        "urls": [],
        "media": [
          {
            "url": "https://t.co/mmm2",
            "media_url_https": "https://pbs.example.org/media/boat.jpg",
            "type": "video"
          }
        ]
      },
      "display_text_range": [
        "0",
        "17"
      ],
      "favorite_count": "1",
      "retweet_count": "0",
      "id_str": "1700000000000000008",
      "id": "1700000000000000008",
      "truncated": false,
      "created_at": "Wed Oct 11 20:19:24 +0000 2023",
      "favorited": false,
      "full_text": "https://t.co/mmm2",
      "lang": "en",
      "extended_entities": {
        "media": [
          {
            "url": "https://t.co/mmm2",
            "media_url_https": "https://pbs.example.org/media/boat.jpg",
            "type": "video"
          }
        ]
      }
    }
  },
  {
    "tweet": {
      "edit_info": {
        "initial": {
          "editTweetIds": [
            "1700000000000000009"
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
        "289"
      ],
      "favorite_count": "1",
      "retweet_count": "0",
      "id_str": "1700000000000000009",
      "id": "1700000000000000009",
      "truncated": false,
      "created_at": "Thu Oct 12 08:00:00 +0000 2023",
      "favorited": false,
      "full_text": "Seven kettles stood on the harbour wall &amp; nobody knew why. They hummed quietly in the rain, each a little out of tune with the next. They hummed quietly in the rain, each a little out of tune with the next. They hummed quietly in the rain, each a little out of tune … https://t.co/nnn1",
      "lang": "en"
    }
  },
  {
    "tweet": {
      "edit_info": {
        "initial": {
          "editTweetIds": [
            "1700000000000000010",
            "1700000000000000011"
          ],
          "editableUntil": "x",
          "editsRemaining": "4",
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
        "13"
      ],
      "favorite_count": "1",
      "retweet_count": "0",
      "id_str": "1700000000000000010",
      "id": "1700000000000000010",
      "truncated": false,
      "created_at": "Wed Oct 11 20:19:24 +0000 2023",
      "favorited": false,
      "full_text": "frist version",
      "lang": "en"
    }
  },
  {
    "tweet": {
      "edit_info": {
        "edit": {
          "initialTweetId": "1700000000000000010",
          "editControlInitial": {
            "editTweetIds": [
              "1700000000000000010",
              "1700000000000000011"
            ],
            "editableUntil": "x",
            "editsRemaining": "4",
            "isEditEligible": true
          }
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
        "13"
      ],
      "favorite_count": "1",
      "retweet_count": "0",
      "id_str": "1700000000000000011",
      "id": "1700000000000000011",
      "truncated": false,
      "created_at": "Wed Oct 11 20:19:24 +0000 2023",
      "favorited": false,
      "full_text": "first version",
      "lang": "en"
    }
  }
]