window.YTD.account.part0 = [
  {
    "account": {
      "email": "moss@example.org",
      "createdVia": "web",
      "username": "mossy",
      "accountId": "900",
      "createdAt": "2015-01-01T00:00:00.000Z",
      "accountDisplayName": "Moss"
    }
  }
]