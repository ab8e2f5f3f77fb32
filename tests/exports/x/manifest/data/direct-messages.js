window.YTD.direct_messages.part0 = [
  {
    "dmConversation": {
      "conversationId": "900-901",
      "messages": [
        {
          "messageCreate": {
            "recipientId": "901",
            "reactions": [],
            "urls": [],
            "text": "at seven then",
            "mediaUrls": [],
            "senderId": "900",
            "id": "3",
            "createdAt": "2023-05-01T10:02:00.000Z"
          }
        },
        {
          "reactionCreate": {
            "senderId": "901",
            "reactionKey": "like",
            "eventId": "1",
            "createdAt": "2023-05-01T10:01:30.000Z"
          }
        },
        {
          "messageCreate": {
            "recipientId": "900",
            "reactions": [],
            "urls": [
              {
                "url": "https://t.co/ddd",
                "expanded": "https://example.org/cake",
                "display": "example.org/cake"
              }
            ],
            "text": "tea &amp; cake? https://t.co/ddd",
            "mediaUrls": [],
            "senderId": "901",
            "id": "2",
            "createdAt": "2023-05-01T10:01:00.000Z"
          }
        }
      ]
    }
  },
  {
    "dmConversation": {
      "conversationId": "900-901",
      "messages": [
        {
          "messageCreate": {
            "recipientId": "900",
            "reactions": [],
            "urls": [
              {
                "url": "https://t.co/ddd",
                "expanded": "https://example.org/cake",
                "display": "example.org/cake"
              }
            ],
            "text": "tea &amp; cake? https://t.co/ddd",
            "mediaUrls": [],
            "senderId": "901",
            "id": "2",
            "createdAt": "2023-05-01T10:01:00.000Z"
          }
        },
        {
          "messageCreate": {
            "recipientId": "901",
            "reactions": [],
            "urls": [
              {
                "url": "https://t.co/dpic",
                "expanded": "https://twitter.com/messages/media/1",
                "display": "pic"
              }
            ],
            "text": "look https://t.co/dpic",
            "mediaUrls": [
              "https://ton.example.org/dm/1/cake.jpg"
            ],
            "senderId": "900",
            "id": "1",
            "createdAt": "2023-05-01T10:00:00.000Z"
          }
        }
      ]
    }
  }
]