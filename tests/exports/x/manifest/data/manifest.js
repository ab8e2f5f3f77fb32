window.__THAR_CONFIG = {
  "userInfo": {
    "accountId": "900",
    "userName": "mossy",
    "displayName": "Moss"
  },
  "archiveInfo": {
    "sizeBytes": "1",
    "generationDate": "2023-12-01T00:00:00.000Z",
    "isArchivePartial": false,
    "maxPartSizeBytes": "9"
  },
  "dataTypes": {
    "tweets": {
      "files": [
        {
          "fileName": "data/tweets.js",
          "globalName": "YTD.tweets.part0",
          "count": "9"
        }
      ]
    }
  }
}