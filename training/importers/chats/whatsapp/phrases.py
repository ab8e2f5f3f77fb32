"""The texts that WhatsApp itself writes into an exported chat, in the languages of its users, in lower case."""

OMITTED = frozenset(
    """<media omitted>|<media weggelaat>|<تم استبعاد الوسائط>|<media buraxıldı>|<media çıxarılmışdır>|<без файл>
<মিডিয়া বাদ দেওয়া হয়েছে>|<fitxers multimèdia omesos>|<mitjans omesos>|<média vynechány>|< média vynechána >
<medier udeladt>|<mediefil udeladt>|<medien ausgeschlossen>|<medien weggelassen>|<αρχείο παραλήφθηκε>
<εξαίρεση πολυμέσων>|<multimedia omitido>|<archivo omitido>|<meedia välja jäetud>|<meedia ära jäetud>|<رسانه حذف شد>
<media jätettiin pois>|<media jätetty pois>|<médias omis>|<fichier omis>|<મિડિયા છોડી મૂકાયું>|<मीडिया के बिना>
<medijski zapis izostavljen>|<média elhagyva>|<hiányzó médiafájl>|<media tidak disertakan>|<media omessi>
<media omesso>|<המדיה לא נכללה>|<מדיה הושמטה>|<メディアなし>|<メディアは含まれていません>|<файлдар қосылмаған>
<ಮಾಧ್ಯಮ ಕೈಬಿಡಲಾಗಿದೆ>|<미디어 파일 제외됨>|<미디어 파일을 생략한 대화내용>|<ບໍ່ລວມມີເດຍ>|<medija praleista>
<praleistas medijos turinys>|<nav iekļauta multivide>|<bez multivides>|<без фајлови>|<മീഡിയ ഒഴിവാക്കി>
<मीडिया वगळण्यात आला>|<media dikecualikan>|<media disingkirkan>|<media utelatt>|<uten vedlegg>|<media weggelaten>
<ਮੀਡੀਆ ਛੱਡਿਆ>|<pominięto multimedia>|<pliki pominięto>|<ficheiro não revelado>|<mídia omitida>|<mídia oculta>
<conținut media omis>|<без медиафайлов>|<файл пропущен>|<médiá vynechané>|<datoteke izpuščene>|<medij izpuščen>
<media u hoq>|<медији су изостављени>|<media utelämnat>|<media har utelämnats>|<media hazijajumuishwa>
<கோப்புகள் விடப்பட்டன>|<మీడియా విస్మరించబడింది>|<ไฟล์สื่อถูกลบ>|<walang kalakip na media>|<medya dahil edilmedi>
<medya atlanmış>|<медіа пропущено>|<میڈیا چھوڑ دیا گیا>|<fayl o‘tkazib yuborildi>|<bỏ qua tệp phương tiện>
<bỏ qua media>|<忽略多媒體檔>|<省略多媒体文件>|<忽略多媒体文件>|<已略過多媒體檔案>""".replace(
        "\n", "|"
    ).split("|")
)
IMAGE = frozenset(
    "image omitted|imagen omitida|bild weggelassen|image absente|immagine omessa|imagem ocultada|图像已忽略".split(
        "|"
    )
)
VIDEO = frozenset(
    "video omitted|gif omitted|video omitido|gif omitido|video weggelassen|gif weggelassen|vidéo absente|gif absent|"
    "video omesso|gif esclusa|vídeo omitido|gif omitido|视频已忽略".split("|")
)
AUDIO = frozenset(
    "audio omitted|audio omitido|audio weggelassen|audio omis|audio omesso|áudio ocultado|音频已忽略".split(
        "|"
    )
)
STICKER = frozenset(
    "sticker omitted|sticker omitido|sticker weggelassen|sticker omis|sticker omesso|figurinha omitida|表情图已忽略".split(
        "|"
    )
)
FILE = frozenset(
    "document omitted|contact card omitted|documento omitido|dokument weggelassen|document manquant|documento omesso|"
    "文档已忽略|null".split("|")
)
DELETED = frozenset(
    """this message was deleted|you deleted this message|se eliminó este mensaje|eliminaste este mensaje
diese nachricht wurde gelöscht|du hast diese nachricht gelöscht|ce message a été supprimé|vous avez supprimé ce message
questo messaggio è stato eliminato|hai eliminato questo messaggio|mensagem apagada|esta mensagem foi apagada
você apagou esta mensagem|dit bericht is verwijderd|u hebt dit bericht verwijderd|данное сообщение удалено
вы удалили данное сообщение|此消息已删除|您删除了此消息|你删除了这条消息|此訊息已刪除|您已刪除此訊息
このメッセージは削除されました|삭제된 메시지입니다|bu mesaj silindi|bu mesajı sildiniz""".replace(
        "\n", "|"
    ).split("|")
)
EDITED = (
    "<this message was edited>|<se editó este mensaje.>|<se editó este mensaje>|<diese nachricht wurde bearbeitet.>|"
    "<diese nachricht wurde bearbeitet>|<ce message a été modifié>|<questo messaggio è stato modificato>|"
    "<mensagem editada>|<dit bericht is bewerkt>|<данное сообщение изменено>|<此消息已编辑>|<此訊息已編輯>"
).split("|")
ATTACHED = (
    "file attached|archivo adjunto|datei angehängt|fichier joint|file allegato|arquivo anexado|"
    "bestand bijgevoegd|файл добавлен|文件附件|檔案附件|ファイル添付|파일 첨부됨|dosya ekli"
).split("|")
# notices that look like a message of the other person
NOTICES = (
    "messages and calls are end-to-end encrypted|messages to this chat and calls are now secured|"
    "messages to this group are now secured|los mensajes y las llamadas están cifrados de extremo a extremo|"
    "nachrichten und anrufe sind ende-zu-ende-verschlüsselt|les messages et les appels sont chiffrés de bout en bout|"
    "i messaggi e le chiamate sono crittografati end-to-end|as mensagens e as chamadas são protegidas|"
    "berichten en gesprekken worden end-to-end versleuteld|сообщения и звонки защищены сквозным шифрованием|"
    "消息和通话已进行端到端加密|訊息和通話經端對端加密|メッセージと通話はエンドツーエンドで暗号化|missed voice call|missed video call"
).split("|")
FILE_NAMES = (
    "WhatsApp Chat - |WhatsApp Chat with |Chat de WhatsApp con |Чат WhatsApp с |Chat WhatsApp con |"
    "Conversa no WhatsApp com |Conversa do WhatsApp com |WhatsApp Chat mit |Discussion WhatsApp avec |"
    "WhatsApp-chat met |与|WhatsApp 對話"
).split("|")
