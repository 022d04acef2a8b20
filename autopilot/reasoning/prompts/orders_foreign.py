"""Signs of a planted order in other languages than English; accents and case are gone (`readings.normal`)."""

from autopilot.reasoning.prompts.orders_english import Signs

STRONG: Signs = {
    "asks to set rules aside (Korean)": (
        r"(?:이전|앞선|위의?|기존|모든|지금까지의?|원래|시스템)\s?.{0,16}(?:지시|명령|규칙|지침"
        r"|프롬프트|정책|제약)\S{0,4}.{0,8}(?:무시|잊|무효|따르지|취소)",
        r"(?:지시|명령|규칙|지침|프롬프트)(?:사항)?[을를은는]?\s*(?:모두|전부|다)?\s*(?:무시|잊)",
        r"시스템\s?프롬프트",
    ),
    "speaks to a model (Korean)": (
        r"(?:\bai|인공지능|어시스턴트|에이전트|챗봇|언어\s?모델|llm|모델|오토\s?파일럿|분석기)(?:에게"
        r"|에 대한|는|은|야|아|님|가|이|,|:)\s?.{0,60}(?:하라|하십시오|해라|하세요|할 것|해줘|해"
        r" ?주세요|하시오|해야 (?:한다|합니다)|마라|마십시오|마세요|보고|실행|삭제|승인)",
        r"(?:너는|당신은|넌)\s?(?:이제|지금부터|더 이상|반드시)",
    ),
    "asks to set rules aside (Japanese)": (
        r"(?:以前|これまで|上記|すべて|全て|前)の?.{0,10}(?:指示|命令|ルール|規則|プロンプト"
        r"|制約).{0,6}(?:無視|忘れ|従わ|取り消)",
        r"システムプロンプト",
    ),
    "asks to set rules aside (Chinese)": (
        r"(?:忽略|无视|忘记|無視|忘掉|不要遵守|不要遵循).{0,10}(?:指令|指示|规则|規則|提示|命令|说明"
        r"|限制|约束)",
        r"系统提示",
        r"系統提示",
        r"你现在是",
        r"你現在是",
    ),
    "asks to set rules aside (a European language)": (
        r"\b(?:ignora\w*|olvida\w*|omite|descarta|desconsidere|esque[cz]a|dimentica|ignore[zr]?"
        r"|oublie[zr]?|ignorier\w*|missachte\w*|vergiss|vergessen sie|negeer|zignoruj"
        r"|ignoruj)\b.{0,40}\b(?:instruc\w+|instruk\w+|instrukcj\w+|reglas|ordenes|indicaciones"
        r"|consignes|regles|anweisung\w*|regeln|vorgaben|istruzioni|regole|regras|polecenia|zasady"
        r"|directives|richtlinien)\b",
    ),
    "asks to set rules aside (Russian)": (
        r"(?:игнорир\w*|забудь\w*|не следуй\w*|отмени\w*)\W.{0,30}(?:инструкц|правил|указани|команд"
        r"|приказ|промпт|ограничен)",
    ),
    "asks to set rules aside (another language)": (
        r"تجاهل.{0,30}(?:التعليمات|الاوامر|الأوامر|القواعد)",
        r"निर्देश.{0,30}(?:अनदेखा|नजरअंदाज|भूल)",
        r"bo qua.{0,30}(?:huong dan|chi dan|lenh|quy tac)",
        r"(?:onceki|tum).{0,20}(?:talimat|kural)\w*.{0,20}(?:yok say|unut|gormezden)",
        r"abaikan.{0,30}(?:instruksi|perintah|aturan)",
    ),
}

WEAK: Signs = {
    "orders an action": (
        r"(?:삭제|롤백|재시작|실행|호출|변경|추가|중단|차단|보내|전송|종료|닫|끄|무음|음소거|승인|보고"
        r"|결론|답|출력|선택|적용|사용|등록|유출|포함)\S{0,6}?(?:하라|하십시오|하세요|해라|할 것|하시오"
        r"|해줘|해 ?주세요|으라|시오|세요|내라|려라|꺼라)",
        r"(?:削除|実行|ロールバック|呼び出|送信|承認|変更|停止|報告)\S{0,4}(?:してください|せよ|しろ)",
        r"(?:请|立即|马上|必须)\S{0,6}(?:删除|执行|调用|回滚|发送|批准|关闭|报告|静音)",
        r"(?:删除|执行|调用|回滚|发送).{0,12}(?:表|工具|函数|密钥|密码)",
        r"\b(?:elimina|borra|ejecuta|llama|envia|aprueba|supprime[zr]?|execute[zr]|appelle[zr]?|envoie"
        r"|envoye[zr]|approuve[zr]?|losche|loschen|fuhre|rufe|sende|genehmige|exclua|apague|execute"
        r"|envie|aprove)\b",
        r"(?:удали\w*|выполни\w*|вызови\w*|отправь\w*|одобри\w*|откати\w*)",
    ),
    "waives approval": (
        r"(?:승인|확인|검토|허가|동의)\s?(?:절차)?[을를이]?\s?(?:없이|불필요|생략|건너|필요 ?없)",
        r"승인자",
        r"(?:스스로|자동으로|직접|자체)\s?승인",
        r"이미 승인",
        r"承認(?:なし|不要|を?待たず)",
        r"承認者",
        r"(?:无需|不需要|不用|未经|跳过)\S{0,4}(?:批准|审批|确认|同意)",
        r"审批人",
        r"批准人",
        r"\bsin (?:aprobacion|confirmacion|autorizacion|pedir)",
        r"\bsans (?:approbation|confirmation|autorisation|validation)",
        r"\bohne (?:genehmigung|freigabe|bestatigung|zustimmung)",
        r"\bsem (?:aprovacao|confirmacao)",
        r"без (?:подтвержд|одобр|согласов)\w+",
    ),
    "dictates the result": (
        r"(?:원인|결론)\S{0,2}\s?.{0,30}(?:라고|이라고|으로)\s?(?:보고|결론|단정|말|답|판단|기재)",
        r"정상(?:이라고|으로)\s?(?:보고|판단|처리)",
        r"오탐(?:으로|이라고)",
        r"해결(?:됨|된 것)(?:으로)",
        r"原因は.{0,20}(?:報告|結論)",
        r"根本原因是.{0,20}",
        r"(?:报告|回答).{0,6}(?:正常|误报)",
        r"causa (?:raiz )?es\b",
        r"die ursache ist\b",
        r"la cause est\b",
    ),
    "asks for secrets": (
        r"(?:비밀번호|암호|api\s?키|액세스\s?키|토큰|자격\s?증명|비밀\s?키|환경\s?변수).{0,24}(?:보내"
        r"|전송|출력|공개|유출|포함|첨부|알려)",
        r"(?:パスワード|トークン|apiキー|秘密鍵).{0,12}(?:送|出力)",
        r"(?:发送|输出|泄露).{0,10}(?:密钥|密码|令牌)",
        r"(?:密钥|密码|令牌).{0,10}(?:发送|输出)",
        r"\b(?:contrasenas?|claves?|motdepasse|mots? de passe|kennworter|passworter|senhas?)\b",
    ),
    "asks for secrecy": (
        r"(?:알리지|말하지|보고하지|언급하지|묻지)\s?(?:말|마|않)",
        r"(?:사람|담당자|운영자)에게.{0,8}(?:숨기|비밀)",
    ),
}
