Grailbird.data.tweets_2012_10 = 
 [ {
  "source" : "web",
  "entities" : {
    "user_mentions" : [ ],
    "media" : [ ],
    "hashtags" : [ ],
    "urls" : [ ]
  },
  "geo" : { },
  "id_str" : "257000",
  "text" : "plain http:\/\/example.org stays",
  "id" : 257000,
  "created_at" : "2012-10-15 14:51:38 +0000",
  "user" : {
    "name" : "Moss",
    "screen_name" : "mossy",
    "id_str" : "900",
    "id" : 900
  }
}, {
  "id_str" : "257001",
  "in_reply_to_status_id_str" : "256000",
  "in_reply_to_user_id" : 901,
  "in_reply_to_status_id" : 256000,
  "text" : "@reed before names were kept",
  "id" : 257001,
  "created_at" : "Mon Oct 15 14:52:38 +0000 2012"
}, {
  "id_str" : "257002",
  "text" : "an old echo",
  "retweeted_status" : {
    "id_str" : "1",
    "text" : "an old echo"
  },
  "id" : 257002,
  "created_at" : "Mon Oct 15 14:53:38 +0000 2012"
} ]