"""A community around a game."""

from typing import Final

from bot.topics import Topic

ENGLISH: Final = (
    Topic(
        name="Gameplay",
        about="Rules, controls, quests, maps and strategies.",
        questions=(
            "How do I beat the last boss?",
            "Where do I find the key of the tower?",
            "Which class is best for beginners?",
            "How does crafting work?",
        ),
    ),
    Topic(
        name="Updates",
        about="Patches, release dates, seasons, road map and what changed.",
        questions=(
            "When does the next season start?",
            "What changed in the last patch?",
            "When is the release on console?",
            "Was the sword made weaker?",
        ),
    ),
    Topic(
        name="Technical help",
        about="Crashes, frame rate, servers, installation, controllers and saved games.",
        questions=(
            "Why does the game crash at start?",
            "How do I move my saved game?",
            "Are the servers down?",
            "How do I get more frames per second?",
        ),
    ),
    Topic(
        name="Mods",
        about="Mods, tools, their installation and conflicts.",
        questions=(
            "How do I install mods?",
            "Which mods work together?",
            "Are mods allowed on the server?",
            "Is there a mod for bigger maps?",
        ),
    ),
    Topic(
        name="Tournaments and events",
        about="Dates, sign-up, teams, brackets, rules and prizes.",
        questions=(
            "When is the next tournament?",
            "How do I sign up my team?",
            "What is the prize?",
            "Who won the last cup?",
        ),
    ),
    Topic(
        name="Server rules",
        about="Conduct, moderation, bans, reports and appeals.",
        questions=(
            "Why was I muted?",
            "How do I report a cheater?",
            "May I post my stream here?",
            "How do I appeal a ban?",
        ),
    ),
    Topic(
        name="Lore",
        about="Story, characters, places and their history.",
        questions=(
            "Who built the old city?",
            "Is the queen the sister of the knight?",
            "In which year does the story begin?",
            "What happened before the war?",
        ),
    ),
)

SPANISH: Final = (
    Topic(
        name="Cómo se juega",
        about="Reglas, controles, misiones, mapas y estrategias.",
        questions=(
            "¿Cómo se vence al último jefe?",
            "¿Dónde está la llave de la torre?",
            "¿Qué clase es mejor para empezar?",
            "¿Cómo funciona la fabricación?",
        ),
    ),
    Topic(
        name="Actualizaciones",
        about="Parches, fechas de salida, temporadas, planes y qué cambió.",
        questions=(
            "¿Cuándo empieza la próxima temporada?",
            "¿Qué cambió en el último parche?",
            "¿Cuándo sale en consola?",
            "¿Debilitaron la espada?",
        ),
    ),
    Topic(
        name="Ayuda técnica",
        about="Cierres, rendimiento, servidores, instalación, mandos y partidas guardadas.",
        questions=(
            "¿Por qué se cierra el juego al empezar?",
            "¿Cómo paso mi partida guardada?",
            "¿Están caídos los servidores?",
            "¿Cómo consigo más fotogramas por segundo?",
        ),
    ),
    Topic(
        name="Modificaciones",
        about="Mods, herramientas, cómo se instalan y sus conflictos.",
        questions=(
            "¿Cómo se instalan los mods?",
            "¿Qué mods funcionan juntos?",
            "¿Se permiten mods en el servidor?",
            "¿Hay un mod para mapas más grandes?",
        ),
    ),
    Topic(
        name="Torneos y eventos",
        about="Fechas, inscripción, equipos, cuadros, reglas y premios.",
        questions=(
            "¿Cuándo es el próximo torneo?",
            "¿Cómo inscribo a mi equipo?",
            "¿Cuál es el premio?",
            "¿Quién ganó la última copa?",
        ),
    ),
    Topic(
        name="Normas del servidor",
        about="Conducta, moderación, expulsiones, avisos y recursos.",
        questions=(
            "¿Por qué me silenciaron?",
            "¿Cómo denuncio a un tramposo?",
            "¿Puedo anunciar aquí mi directo?",
            "¿Cómo recurro una expulsión?",
        ),
    ),
    Topic(
        name="Historia",
        about="La trama, los personajes, los lugares y su pasado.",
        questions=(
            "¿Quién construyó la ciudad vieja?",
            "¿La reina es hermana del caballero?",
            "¿En qué año empieza la historia?",
            "¿Qué pasó antes de la guerra?",
        ),
    ),
)
