"""Importer of KakaoTalk's exports, from phones and from computers."""
