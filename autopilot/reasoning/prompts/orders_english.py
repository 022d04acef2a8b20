"""How people write to a program that reads their text, in English: signs of a planted order.

A strong sign is enough by itself. People write orders to each other in tickets, notes and commits ("restart the
service"), so a weak sign counts only beside another of a different kind.
"""

Signs = dict[str, tuple[str, ...]]
"""What a sign gives away → patterns over normal text (`readings.normal`), one of which occurs."""

_AI = (
    r"(?:an? |the |any |all |every |this |your ){0,3}"
    r"(?:ai|llm|llms|assistants?|chatgpt|gpt(?:-?\d\w*)?|claude|gemini|copilot|chatbot|auto ?pilot"
    r"|(?:language|ai|reasoning) models?|root cause analy[sz]er|action planner"
    r"|(?:ai|llm|automated|autonomous|analysis|incident|sre|aiops|remediation)"
    r" (?:agents?|bots?|systems?|assistants?|engines?|analy[sz]ers?))"
)
_START = (
    r"(?:^|[.;:!?,\n\"'(\[>\-]\s*"
    r"|\b(?:please|must|should|now|then|and|you|kindly|immediately|just|also) )"
)
_ACT = (
    r"(?:call|invoke|run|execute|trigger|delete|drop|remove|wipe|truncate|terminate|restart|reboot|roll ?back"
    r"|scale|disable|stop|reset|purge|destroy|shut ?down|apply|choose|pick|select|approve|add|set|change|replace"
    r"|grant|make|silence|mute|suppress|close|acknowledge|snooze|dismiss|send|post|upload|forward|e-?mail"
    r"|exfiltrate|leak|curl|print|reveal|include|output|repeat|copy|write|say|state|report|conclude|claim|declare"
    r"|answer|mark|skip|use)"
)
_HARM = (
    r"(?:ignore|disregard|call|invoke|execute|trigger|delete|drop|wipe|approve|roll ?back|silence|mute|conclude"
    r"|claim|say|state|report that|reveal|send|print all|mark the incident)"
)
"""Verbs that nobody writes after "assistant:" for a component of that name."""
_RULES = (
    r"(?:instructions?(?! (?:set|cache|pointer|count|fetch))|rules\b|guidelines|directives|polic(?:y|ies)"
    r"|(?:system )?prompts?\b|guardrails|safeguards|safety (?:checks|rules)|constraints|restrictions|training"
    r"|programming|orders)"
)
_EARLIER = r"(?:previous|prior|above|earlier|preceding|existing|former|original|system|initial|given|current)"
_SECRETS = (
    r"(?:api[ _-]?keys?|secrets?|credentials?|passwords?|access keys?|private keys?|tokens?"
    r"|env(?:ironment)? var(?:iable)?s?|system prompts?|connection strings?)"
)

STRONG: Signs = {
    "asks to set rules aside": (
        r"\b(?:ignore|disregard|forget|override|bypass|overrule|do not follow|don't follow|stop"
        r" following|pay no attention to|abandon|drop)\b (?:(?:all|any|of|the|your|my|these|those|every"
        rf"|everything|{_EARLIER}|and|other|safety|security)\b[ ,]*){{1,6}}{_RULES}",
        r"\b(?:ignore|disregard|forget) (?:everything|anything|all|what) (?:you (?:were|have been|know)"
        r"|(?:that )?(?:was|came|is) (?:said|told|before|above)|above|before|prior|so far)",
        rf"\b{_EARLIER} (?:instructions?|rules|prompts?) (?:are|is|no longer) (?:void|cancel|obsolete"
        r"|revoked|superseded|outdated|appl|valid)",
    ),
    "gives new instructions": (
        r"\b(?:new|updated|real|actual|true|secret|hidden|important) (?:system )?(?:instructions?"
        rf"|directives?|orders?)(?: (?:for|to) {_AI})?\s*:",
        r"\byour (?:new|real|only|actual|true) (?:task|goal|job|instructions?|role|mission)\b",
        r"\bfrom now on,? (?:you|always|never|ignore|act)\b",
        r"\byou are (?:now|no longer) (?:an? |the |in |bound|dan)",
    ),
    "speaks to a model": (
        r"(?:^|[\s\[(#*\"'>])(?:attention|dear|hey|hello|note (?:to|for)|instructions? (?:for|to)"
        rf"|messages? (?:for|to)|reminder (?:to|for)|notice (?:to|for)|advice (?:to|for))[\s,:]+{_AI}\b",
        rf"(?<![\w-]){_AI}\s*[,:;!-]+\s*(?:you|please|must|do not|don't|never|always|kindly)\b",
        rf"(?<![\w-]){_AI}\s*,\s*{_ACT}\b",
        rf"(?<![\w-]){_AI}\s*:\s*{_HARM}\b",
        rf"\b(?:if|since|when|as|whenever) you(?:'re| are) (?:{_AI}|automated|(?:analy[sz]ing|reading"
        r"|processing|summari[sz]ing) (?:this|these))\b",
        r"\b(?:any|every|the) (?:ai|llm|language model|assistant)s? (?:that |which |who )?(?:read"
        r"|process|analy[sz]e|see|parse|summari[sz]e)\w* this",
    ),
    "imitates the marks of a conversation": (
        r"<\|(?:im_start|im_end|system|user|assistant|endoftext|start_header_id|eot_id)[^>]{0,20}\|?>",
        r"\[/?inst\]",
        r"<</?sys>>",
        r"</?\s*(?:system(?:[-_ ]?(?:prompt|message|reminder))?|assistant|developer|instructions?"
        r"|observed[-_ ]data|tool_?calls?|function_?calls?|function_results?|tool_?result|important"
        r"|admin)\s*>",
        r"#{2,}\s*(?:system|instructions?|assistant|new task)\b",
        r"\b(?:system|assistant|developer|human|user)(?: (?:prompt|message|instruction|note"
        r"|override))?\s*:\s*(?:you (?:are|must|will|should|have)|please|ignore|from now|always|never"
        r"|disregard|your)",
        r"\bend of (?:the )?(?:observed data|data|prompt|context|system prompt)\b",
    ),
    "imitates a call of a tool": (
        r"[\"']?\btool_?calls?\b[\"']?\s*[:=]\s*[\[{(]",
        r"[\"']function_call[\"']\s*:",
        r"[\"']function[\"']\s*:\s*\{\s*[\"']name[\"']",
        r"\bto=(?:functions?|tools?)\.",
        r"\{\s*[\"'](?:name|tool|function|action)[\"']\s*:\s*[\"'][^\"']+[\"']\s*,\s*[\"'](?:arguments"
        r"|parameters|args|input)[\"']",
        r"\bprobe_\w+\s*\(",
        r"\bdiagnose\s*\(\s*[\"'{]",
    ),
    "asks for secrets": (
        rf"{_START}(?:send|post|upload|forward|e-?mail|exfiltrate|leak|curl|print|reveal|include|output"
        rf"|repeat|copy|write)\b.{{0,50}}\b{_SECRETS}\b.{{0,60}}(?:\bto\b|\bin (?:your|the) (?:answer"
        r"|summary|report|diagnosis|statement|response)|https?:|@)",
        r"\b(?:reveal|print|repeat|show|output) (?:me )?(?:your|the) (?:system prompt|hidden prompt"
        r"|instructions)",
    ),
}

WEAK: Signs = {
    "orders an action": (
        rf"{_START}{_ACT}\b (?!(?:of|in|is|was|were|by|on|from|failed|for|at|with)\b)\S",
        r"\byou (?:must|have to|are (?:required|instructed|ordered|to)) ",
        r"\b(?:is|be) (?:deleted|dropped|rolled back|silenced|muted) (?:now|immediately)",
    ),
    "waives approval": (
        r"\b(?:without|no|skip|bypass\w*|needs? no|never ask for|don't ask for|do not ask for)(?:"
        r" (?:any|further|human|more|the|asking(?: for)?|waiting(?: for)?|person'?s?|additional|prior"
        r"|need for)){0,3} (?:approvals?|confirmation|permission|consent|review|human|person)\b",
        r"\b(?:is|are|was|has been|consider(?:ed)?) (?:already |pre-?|hereby |automatically |fully"
        r" )+(?:approved|authori[sz]ed)",
        r"\bpre-?approved\b",
        r"\b(?:approve|authori[sz]e) (?:it|this|that|yourself|itself|option|the (?:plan|option|action)"
        r"|automatically|all|every)",
        r"\bas (?:the |an? |sole )*approver",
        r"\bapprovers? (?:list |now )?(?:to|with|=|:|is|are|by) ",
        r"\bto (?:the )?approvers\b",
        r"\ballowed_actors\b",
        r"\bauto-?approve",
    ),
    "dictates the result": (
        r"\b(?:root cause|the cause|incident|outage|culprit)\b.{0,40}\b(?:is|was) (?:definitely|clearly"
        r"|certainly|only|always|solely|100|undoubtedly|not)\b",
        r"\b(?:report|conclude|state|say|claim|answer|declare|write|tell (?:the )?\w+)"
        r" (?:that|:|\"|the root cause)",
        r"\bmark(?:ed)? .{0,40}\b(?:resolved|false positive|benign|healthy|closed)",
        r"\bconfidence (?:to|of|=|:|is) ?(?:1(?:\.0)?|100)",
        r"\bblame (?:it on |the )?\w+",
        r"\bfalse alarm\b",
    ),
    "sends data out": (
        rf"\b(?:send|post|upload|forward|e-?mail|exfiltrate|leak|curl|copy|export|dump)\b.{{0,40}}\b{_SECRETS}\b",
        r"\b(?:send|post|upload|forward|exfiltrate|leak|curl|copy|export|dump)\b.{0,40}"
        r"\b(?:data|everything|all|every|database|customers?|dump|records)\b.{0,40}https?://",
    ),
    "asks for secrecy": (
        r"\b(?:do not|don't|never|without) (?:tell(?:ing)?|mention(?:ing)?|report(?:ing)?"
        r"|reveal(?:ing)?|inform(?:ing)?|notify(?:ing)?|alert(?:ing)?|show(?:ing)?) (?:this|it|the|any"
        r"|anyone|anybody|a|about|people|humans?|operators?)\b",
        r"\bsecretly\b",
    ),
    "speaks of models and their tools": (
        rf"\b(?:as|for|to|you,?) {_AI}\b",
        rf"\b{_AI} (?:must|should|shall|has to|will now|is to|are to)\b",
        r"\b(?:call|use|invoke|run|execute) (?:the )?tools?\b",
        r"\b(?:prompt|llm|language model|jailbreak|tool call|function call)\b",
        r"\byour (?:analysis|hypothes[ei]s|diagnosis|plan|options|answer|response|output|report|summary"
        r"|instructions|guidelines|rules|approval)\b",
        r"\b(?:root|admin|developer|god|debug|maintenance) mode\b",
        r"\b(?:call|run|execute|invoke|use) [a-z]+\.[a-z]+_[a-z_]+",
        r"\boption \d\b",
    ),
}
