window.YTD.direct_messages_group.part0 = [
  {
    "dmConversation": {
      "conversationId": "777",
      "messages": [
        {
          "participantsLeave": {
            "userIds": [
              "902"
            ],
            "createdAt": "2023-06-01T10:05:00.000Z"
          }
        },
        {
          "messageCreate": {
            "recipientId": "0",
            "reactions": [],
            "urls": [],
            "text": "the pond at nine",
            "mediaUrls": [],
            "senderId": "902",
            "id": "11",
            "createdAt": "2023-06-01T10:01:00.000Z"
          }
        },
        {
          "messageCreate": {
            "reactions": [],
            "urls": [],
            "text": "who swims?",
            "mediaUrls": [],
            "senderId": "900",
            "id": "10",
            "createdAt": "2023-06-01T10:00:00.000Z"
          }
        },
        {
          "joinConversation": {
            "initiatingUserId": "900",
            "participantsSnapshot": [
              "900",
              "901",
              "902"
            ],
            "createdAt": "2023-06-01T09:59:00.000Z"
          }
        }
      ]
    }
  }
]