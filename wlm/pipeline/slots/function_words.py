"""English words that are never part of a name, and words that mark one."""

from __future__ import annotations

from wlm.pipeline.slots.words import words

RELATIONS = words(
    "mom mum mommy mummy mother dad daddy father parents boss manager supervisor assistant "
    "wife husband partner girlfriend boyfriend fiance fiancee brother bro sister sis son "
    "daughter kids children uncle aunt auntie cousin nephew niece grandma grandmother granny "
    "grandpa grandfather granddad friend friends buddy colleague colleagues coworker "
    "coworkers co-worker team doctor dentist lawyer landlord landlady neighbor neighbour "
    "neighbors neighbours teacher professor accountant roommate flatmate therapist family "
    "relatives hairdresser plumber mechanic vet babysitter nanny tutor coach trainer client "
    "clients customer intern secretary agent spouse stepmom stepdad ex bestie"
)
TITLES = words("mr mrs ms miss mister dr doctor prof professor sir madam uncle aunt auntie")
DETERMINERS = words("a an the my our your his her their its this that these those some any")
PREPOSITIONS = words(
    "at on in of for from with to by about regarding concerning into onto over under near "
    "around until till since after before during through between among without within via per "
    "as than like against off out up down along across"
)
PRONOUNS = words(
    "i me you he she it we us they them him her mine yours his hers who whom whose what which "
    "someone somebody anyone anybody everyone everybody myself himself herself one ones "
    "nobody everything anything something nothing all"
)
POLITE = words(
    "please kindly thanks thank hey hi hello ok okay so well just now um uh er hmm also "
    "actually maybe quickly again then alexa siri olly jarvis google computer assistant wlm "
    "can could would will you i'd i'll i'm"
)
AUXILIARIES = words(
    "is are was were am be been being do does did don't doesn't didn't have has had haven't "
    "hasn't can could will would shall should may might must let lets let's isn't aren't "
    "wasn't i've there's there here it's he's she's we're they're you're won't can't"
)
CONJUNCTIONS = words(
    "and or but if because that whether when where why how while though although not no yes"
)
VERBS = words(
    "tell ask asking telling saying say says said stating state let know send sending sent "
    "write writing compose email mail reply replying respond message call called text inform "
    "informing remind reminding reminder schedule add create make set setup book plan arrange "
    "organise organize put cancel delete remove erase clear drop move reschedule shift push "
    "postpone change rename update find search look show give get got get read check open "
    "list save store new want wants need needs like likes love think going go goes come comes "
    "coming attach forward forwarded received receive receives meet meeting meetings start "
    "starting begin discuss regarding concerning work works working live lives play talk "
    "thanking thank wishing wish congratulate congratulating inviting invite requesting "
    "request explaining explain attached pull display see turn took take having has bring "
    "carry wear pack use using provide saved stored tried emailed texted phoned added listed "
    "wrote written asked needs selling calling answered"
)
NOUNS = words(
    "email emails e-mail mail mails message messages inbox letter note calendar schedule "
    "agenda diary contact contacts address addresses book phone number numbers cell mobile "
    "appointment appointments event events reminder reminders lunch dinner breakfast brunch "
    "coffee party call birthday anniversary subject body text details detail information info "
    "list weather forecast temperature news headlines headline latest today tomorrow tonight "
    "yesterday week month year day morning afternoon evening night time date minutes minute "
    "hours hour unread recent last first next every everything work home office company person "
    "people file recipient guy following outgoing incoming only marriage wedding retirement "
    "graduation"
)
STOP = DETERMINERS | PREPOSITIONS | PRONOUNS | POLITE | AUXILIARIES | CONJUNCTIONS | VERBS | NOUNS
"""A name neither begins nor goes on with one of these, unless it is written with a capital."""

EDGES = DETERMINERS | PREPOSITIONS | POLITE | AUXILIARIES | CONJUNCTIONS
"""What is cut from the ends of a text span."""

LEADS = EDGES | PRONOUNS | VERBS
"""What leads to the name of an occasion ("set up lunch") and is no part of it."""

GENERIC = words(
    "anything something everything nothing next last new meeting meetings appointment appointments "
    "event events reminder reminders first current upcoming other one it that them all any more "
    "entry calendar schedule"
)
"""What names no meeting or message in particular."""

TIME_LEADS = words(
    "at on in for by from until till since after before around about of the starting between "
    "this , to and over during"
)
"""What leads to a time."""
