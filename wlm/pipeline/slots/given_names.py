"""Given names that are common in English-speaking and neighbouring countries.

For text in lower case, where nothing else shows that a word is a name. Words that are
mostly something else ("will", "mark", "may", "rose") are left out on purpose.
"""

from __future__ import annotations

from wlm.pipeline.slots.words import words

GIVEN_NAMES = words(
    "aaron abby abdul abigail adam adele adrian agnes ahmed aidan aisha alan albert alberto alex "
    "alexa alexander alexandra alexis alfred ali alice alicia alison allan allen allison amanda "
    "amara amber amelia amir amit amy ana anastasia andre andrea andreas andrew andy angela angelo "
    "anil anita anja ann anna anne annette annie anthony antonio anya arjun arnold arthur arun "
    "asha ashley astrid audrey ava barbara barry beatrice becky ben benjamin bernard beth betty "
    "beverly bianca bob bobby boris brad brandon brenda brian bridget bruce bruno bryan caleb "
    "cameron camila camille carl carla carlos carmen carol caroline carolyn casey catherine cathy "
    "cecilia chang charles charlie charlotte chelsea chen cheryl chloe chris christian christina "
    "christine christopher cindy claire clara claudia clement colin connie connor courtney craig "
    "cynthia daisy damian dan dana daniel daniela danielle danny dave david debbie deborah deepak "
    "dennis derek diana diane diego dieter dmitri dominic donald donna doris dorothy doug douglas "
    "duncan dylan ed eddie edgar edith eduardo edward eileen elaine eleanor elena eli elias elijah "
    "elisa elise elizabeth ella ellen elliot elsa emil emilia emily emma enrique eric erica erik "
    "erika erin esther ethan eugene eva evan eve evelyn fabian farah fatima felicity felipe felix "
    "fernando finn fiona florian frances francesca francis francisco franz fred freddie frederick "
    "frieda fritz gabriel gabriela gail gareth gary gavin gemma geoff geoffrey george georgia "
    "gerald gerard giulia gloria gordon greg gregory gretchen guido gustav hannah hans harold harry "
    "harvey hasan hassan heather hector heidi heinz helen helena helga henrik henry herbert hiroshi "
    "holly howard hugo ian ibrahim ida igor ines ingrid irene irina isaac isabel isabella isla "
    "ivan jackie jacob jacqueline jade jake james jamie jan jane janet janice jared jasmine jason "
    "javier jean jeff jeffrey jen jenna jennifer jenny jeremy jerome jerry jesse jessica jessie jill "
    "jim jimmy jo joan joanna joanne joe joel joey johan johann john johnny jon jonas jonathan "
    "jordan jorge jose josef joseph josh joshua joyce juan judith judy julia julian juliana julie "
    "juliet julio jun justin kai kamal karen karin karl kate katherine kathleen kathryn kathy katie "
    "katja katrin kay keith kelly ken kenneth kenny kevin kim kimberly kofi kristen kristin kumar "
    "kurt kwame kyle lara larry lars laura lauren laurence lea leah lee lena leo leon leonard leslie "
    "lewis liam lillian linda lindsay lisa liz lorenzo lorraine louis louise luca lucas lucia lucy "
    "luis luisa luke lukas lydia lynn madison maggie mahmoud malcolm malik mandy manuel marc marcel "
    "marco marcus margaret maria mariam marie marina mario marion marlene marta martha martin "
    "marvin mary mateo mathew matt matteo matthew maureen maurice max maya megan mehmet mei melanie "
    "melissa mia michael michelle miguel mike mikhail mila milan mohamed mohammad mohammed moira "
    "molly monica monika morgan moritz muhammad murray nadia nadine naomi natalia natalie natasha "
    "nathan neha neil nicholas nick nicola nicolas nicole niels nigel nikhil nikita nina noah noel "
    "nora norman oleg olga oliver olivia omar oscar otto owen pablo pam pamela paolo patricia "
    "patrick paul paula pavel pedro peggy penelope peter petra phil philip philipp phillip phoebe "
    "pierre priya quentin rachel rahul raj rajesh ralph ramon ravi raymond rebecca regina rene "
    "ricardo richard rick ricky rita robert roberto robin rodrigo roger rohan rohit roland roman "
    "ronald rosa rosemary rosie ross roy ruben rupert russell ruth ryan sabine sabrina sally sam "
    "samantha samir samuel sandra sanjay sara sarah scott sean sebastian serena sergei sergio seth "
    "shane shannon sharon sheila shelly shirley sidney silvia simon simone sofia sonia sophia "
    "sophie stacey stacy stan stanley stefan stella stephanie stephen steve steven stewart stuart "
    "sunil suresh susan susanne suzanne svetlana sven sylvia tamara tanya tara tariq tatiana ted "
    "teresa terry tessa theo theodore theresa thomas tim timothy tina tobias toby todd tom tommy "
    "tony tracey tracy trevor tristan tyler ulrich ursula valentina valerie vanessa vera vernon "
    "veronica vicky victor victoria vijay vikram vincent vivian vladimir walter wanda wayne wendy "
    "werner wilfred wilhelm william xavier yannick yasmin yolanda yuki yusuf yvette yvonne zachary "
    "zara zoe"
)
