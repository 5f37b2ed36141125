"""Short forms of given names, and names that are not said as they are spelt."""

from __future__ import annotations

from functools import cache, lru_cache

# The long forms, a colon, what they are called. A short form may stand for several.
_SHORT = """
abigail: abby abbie gail
alan allan allen: al
albert alberto: al bert bertie
alexander alexandra alexis alejandro alessandro: alex alec lex sandy sasha sascha xander
alfred alfredo: al alf alfie fred
amanda: mandy
andrew andreas andrei: andy drew
angela angelina: angie
ann anne anna: annie nan
anthony antonio anton: tony toni
arthur: art artie
augustus augustin: gus
barbara: babs barb barbie
bartholomew: bart
benjamin benedict: ben benny
bernard bernhard: bernie
bradley: brad
caroline carolyn carolina: carol carrie caro
catherine katherine kathryn katharina katarina: cathy cat kate katie kathy kat kay kitty kaethe
charles charlotte: charlie chas chuck lottie
christian christina christine christopher: chris christie christy kris kit tina topher
claudia: claude
clifford: cliff
cynthia: cindy
daniel daniela danielle: dan danny dani
david: dave davey
deborah: deb debbie
dennis: denny
dominic dominik: dom
donald: don donnie
dorothy dorothea: dot dottie dolly thea
douglas: doug
edward eduardo edmund edwin: ed eddie eddy ned ted teddy
eleanor eleonora: ellie nell nora nellie
elizabeth elisabeth: beth betsy betty bess eliza liz lizzie lizzy libby lisa lisbeth sissi
emily: em emmy
emma: em
eugene: gene
florence: flo
francis frances francisco franziska: fran frank frankie paco franzi
franklin: frank
frederick frederic friedrich alfredo: fred freddie freddy fritz rick
gabriel gabriela gabrielle: gabe gabi gaby
geoffrey jeffrey: geoff jeff
gerald geraldine gerard: gerry jerry
gregory: greg
harold henry heinrich: hal harry hank heiner heinz
helen helena: nell lena
herbert: bert herb
hubert: bert
ignacio: nacho
isabel isabella: bella izzy issy
jacob jakob: jake jay
jacqueline: jackie
james: jim jimmy jamie
janet: jan
jason: jay
jennifer: jen jenny jenn
jessica: jess jessie
joan joanna joanne johanna: jo joey hanna
john johann johannes jonathan: jack johnny jon hannes hans
joseph josef jose giuseppe: joe joey pepe sepp beppe
josephine: jo josie
joshua: josh
juergen jurgen: jogi
judith: judy
julia julian juliet juliana: jules julie
karen: kari
kenneth: ken kenny
kimberly: kim
lawrence laurence lorenzo: larry laurie lars
leonard leonardo leopold: len lenny leo
lillian: lily lil
louis louise luis ludwig: lou louie lui
magdalena: lena magda
margaret margarete margarita: maggie marge margie meg megan peggy greta rita daisy grete
maria marie mary: mia mitzi molly polly
marilyn: mary
martha: marty mattie
martin martina: marty
matthew matthias matteo: matt matty matti
maximilian maxwell maxine: max maxi
melanie: mel
melissa: mel missy lissa
michael michaela michelle miguel: mike mick micky mickey shelly
mohammed mohamed muhammad mohammad: mo
nathaniel nathan: nat nate
nicholas nicolas nikolaus nicole nicola: nick nicky nico niko klaus
olivia: liv livvy
oliver: ollie olli
pamela: pam
patricia patrick: pat patty patsy paddy trish tricia
penelope: penny
peter pedro pierre: pete petey
philip phillip philippa: phil pip
rachel: rae
raymond: ray
rebecca: becca becky
reginald: reg reggie
richard ricardo: dick rich richie rick ricky
robert roberto roberta: bob bobby rob robbie robby bert
roger: rodge
ronald: ron ronnie
rudolf rudolph: rudi rolf
samantha samuel: sam sammy
sandra: sandy
sebastian: seb basti bastian
sophia sophie: sophie soph
stanley: stan
stephen steven stefan stephanie: steve stevie steph steffi
susan susanne susanna: sue suzie susie suzy sanna
tamara: tammy
terence teresa theresa: terry tess tessa
theodore theodora: ted teddy theo dora
thomas tomas: tom tommy
timothy: tim timmy
tobias: tobi toby
ulrich ulrike: uli ulli
ursula: uschi ulla
valentina valentin: val tina
valerie: val
vanessa: nessa
veronica: ronnie vera
victor victoria: vic vicky tori
vincent vincenzo: vince vinny enzo
virginia: ginny
walter: walt wally
wilhelm: willi willy
william: bill billy will willie willy liam
winston: win
yvonne: evie
zachary: zac zack zach
"""

# Spelt: said, in English letters.
_SAID_AS = """
aoife: eefa
beauchamp: beecham
bjorn: byorn
caoimhe: keeva
cholmondeley: chumley
ciara: keera
cian: keean
dagny: dagnee
eoin: owen
eilidh: ailee
giles: jiles
guillermo: giyermo
gwyneth: gwinneth
hermione: hermyonee
hugh: hue
isla: eyela
jesus: hesoos
jiri: yirzhi
joaquin: wakeen
jorge: horhay
jose: hosay
juan: wan
kazimierz: kazimyezh
leigh: lee
llewellyn: lewellin
lucja: wootsia
maeve: mayv
meave: mayv
mieke: meeka
nguyen: win
niamh: neev
nuala: noola
oisin: osheen
phoebe: feebee
quixote: keehotee
rhys: reece
roisin: rosheen
saoirse: seersha
sean: shawn
seamus: shaymus
sian: sharn
sinead: shinade
siobhan: shivon
stjepan: styepan
thibault: teebo
tadhg: tiger
ursula: ersula
wojciech: voychek
xavier: zavier
xi: she
xiao: shao
xu: shoo
yves: eve
zhang: jang
zhao: jow
zhou: joe
"""


@cache
def _groups() -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    long_of: dict[str, set[str]] = {}
    short_of: dict[str, set[str]] = {}
    for line in _SHORT.strip().splitlines():
        left, _, right = line.partition(":")
        for short in right.split():
            for long in left.split():
                long_of.setdefault(short, set()).add(long)
                short_of.setdefault(long, set()).add(short)
    return long_of, short_of


@cache
def _said_as() -> dict[str, str]:
    lines = (line.partition(":") for line in _SAID_AS.strip().splitlines())
    return {spelt.strip(): said.strip() for spelt, _, said in lines}


@lru_cache(maxsize=16384)
def other_forms(word: str) -> frozenset[str]:
    """The long and short forms of a folded given name, and its siblings; without itself.

    ``bob`` gives ``robert``, ``rob``, ``bobby`` …; ``robert`` gives ``bob`` and the others.
    """
    long_of, short_of = _groups()
    long = long_of.get(word, set())
    siblings = {short for each in long for short in short_of[each]}
    return frozenset((long | siblings | short_of.get(word, set())) - {word})


def said_as(word: str) -> str:
    """How a folded name is said, in English letters, where its spelling does not tell."""
    return _said_as().get(word, word)
