"""A club: its events, members, rules and money."""

from typing import Final

from bot.topics import Topic

ENGLISH: Final = (
    Topic(
        name="Events",
        about="Meetings, matches, trips and parties: when, where, and what to bring.",
        questions=(
            "When is the next meeting?",
            "Where does the summer trip go?",
            "What should I bring to the barbecue?",
            "Who won the tournament last year?",
        ),
    ),
    Topic(
        name="Membership",
        about="Joining, leaving, fees, cards and who to ask.",
        questions=(
            "How do I become a member?",
            "How much is the yearly fee?",
            "How do I cancel my membership?",
            "Where do I get my member card?",
        ),
    ),
    Topic(
        name="Training",
        about="Times, coaches, levels, courses and places to practise.",
        questions=(
            "At what time does training begin on Tuesdays?",
            "Who coaches the beginners?",
            "Is there training in the holidays?",
            "Which level do I need for the course?",
        ),
    ),
    Topic(
        name="Rules",
        about="Statutes, house rules, decisions of the assembly and the committee.",
        questions=(
            "How many votes does a motion need?",
            "Are guests allowed in the club house?",
            "What did the assembly decide about the hall?",
            "Who is on the committee?",
        ),
    ),
    Topic(
        name="Equipment and rooms",
        about="What the club owns or rents, bookings, keys, repairs and loans.",
        questions=(
            "How do I book the hall?",
            "Who has the key of the storage room?",
            "Can I borrow the tent?",
            "Is the projector repaired?",
        ),
    ),
    Topic(
        name="Money",
        about="Budget, fees, donations, refunds and sponsors.",
        questions=(
            "How do I get my travel costs back?",
            "Who sponsors the team?",
            "To which account do I pay?",
            "What did the new floor cost?",
        ),
    ),
)

SPANISH: Final = (
    Topic(
        name="Eventos",
        about="Reuniones, partidos, salidas y fiestas: cuándo, dónde y qué llevar.",
        questions=(
            "¿Cuándo es la próxima reunión?",
            "¿Adónde va la excursión de verano?",
            "¿Qué llevo a la barbacoa?",
            "¿Quién ganó el torneo el año pasado?",
        ),
    ),
    Topic(
        name="Socios",
        about="Altas, bajas, cuotas, carnés y a quién preguntar.",
        questions=(
            "¿Cómo me hago socio?",
            "¿Cuánto es la cuota anual?",
            "¿Cómo me doy de baja?",
            "¿Dónde recojo mi carné?",
        ),
    ),
    Topic(
        name="Entrenamientos",
        about="Horarios, entrenadores, niveles, cursos y lugares para practicar.",
        questions=(
            "¿A qué hora empieza el entrenamiento los martes?",
            "¿Quién entrena a los principiantes?",
            "¿Hay entrenamiento en vacaciones?",
            "¿Qué nivel hace falta para el curso?",
        ),
    ),
    Topic(
        name="Normas",
        about="Estatutos, reglas de la casa, acuerdos de la asamblea y de la junta.",
        questions=(
            "¿Cuántos votos necesita una propuesta?",
            "¿Se admiten invitados en el local?",
            "¿Qué decidió la asamblea sobre la sala?",
            "¿Quién está en la junta?",
        ),
    ),
    Topic(
        name="Material y salas",
        about="Lo que el club tiene o alquila, reservas, llaves, reparaciones y préstamos.",
        questions=(
            "¿Cómo reservo la sala?",
            "¿Quién tiene la llave del almacén?",
            "¿Puedo llevarme la carpa?",
            "¿Está arreglado el proyector?",
        ),
    ),
    Topic(
        name="Cuentas",
        about="Presupuesto, cuotas, donaciones, reembolsos y patrocinadores.",
        questions=(
            "¿Cómo me devuelven los gastos de viaje?",
            "¿Quién patrocina al equipo?",
            "¿En qué cuenta pago?",
            "¿Cuánto costó el suelo nuevo?",
        ),
    ),
)
