"""Names to fill an address book with, so that a search has somebody to mistake for another."""

from __future__ import annotations

_GIVEN = """
Aaron Ada Adam Agnes Alan Albert Alice Amir Andrea Andrew Anita Antonia Arjun Astrid Audrey
Beatrice Ben Bianca Boris Brenda Brian Bruno Camille Carla Carlos Carmen Cedric Celine Clara Colin
Dagmar Daisy Dalia Daria David Deepa Derek Diana Diego Edith Edgar Elena Elif Elsa Emil Erik
Esther Ethan Eva Fabian Farid Fatima Felix Flora Frank Gareth Gemma George Gisela Greta Hamid
Harriet Hector Helga Hugo Ian Ibrahim Ida Igor Irene Iris Ivan Jana Jasmin Jerome Jonas Judith
Julia Karl Keiko Kevin Kiran Klara Laura Leo Lars Linda Lorna Lucas Lydia Marco Marion Marta Maya
Mina Monica Nadia Naomi Nathan Nina Noah Nora Olga Omar Oscar Paula Pavel Petra Quentin Rafael
Rania Rita Rosa Ruben Ruth Sabine Salma Sara Selma Simon Sofia Sonja Stella Sven Tara Tariq Theo
Tina Ulla Uma Valeria Vera Viktor Walter Wanda Yara Yvette Zainab Zelda
"""

_FAMILY = """
Abbott Acosta Adler Ahmed Alvarez Arnold Bailey Banerjee Barnes Bauer Bell Berg Bishop Blake Bloom
Brandt Brooks Campos Carter Chandra Chen Costa Cruz Dalton Das Dawson Delgado Diaz Dixon Duarte
Eaton Ellis Engel Farrell Ferreira Flynn Foster Fuchs Garcia Gibson Gomez Gordon Grant Gupta Haas
Hansen Harper Hayashi Hoffmann Holt Hunt Ibarra Ito Jansen Jensen Jordan Kaplan Kaur Keller Khan
Kim Klein Koch Kraus Kumar Lambert Lang Larsen Lopez Lund Malik Marsh Martin Mason Mehta Mendes
Mills Morales Moreno Nair Nash Neumann Nielsen Novotny Oliveira Olsen Ortiz Osei Page Park Patel
Perez Pham Pierce Popov Quinn Ramos Rao Reyes Richter Rivera Romero Roth Saito Santos Sato
Schuster Sharma Silva Singh Sommer Stein Stone Suzuki Tan Tanaka Thiel Turner Vargas Vogel Wagner
Walsh Wang Weber Werner West Wolf Wong Wood Yang York Young Zapata Ziegler Zimmer
"""


def filler(count: int) -> list[str]:
    """``count`` different full names, spread over both lists; at most some 18,000."""
    given, family = _GIVEN.split(), _FAMILY.split()
    pairs = ((i % len(given), (i * 7 + i // len(given)) % len(family)) for i in range(count))
    return [f"{given[g]} {family[f]}" for g, f in pairs]
