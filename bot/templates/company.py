"""A company that helps its customers."""

from typing import Final

from bot.topics import Topic

ENGLISH: Final = (
    Topic(
        name="Account and sign-in",
        about="Signing up and in, passwords, two-factor codes, e-mail addresses, closing an account.",
        questions=(
            "I cannot sign in, what can I do?",
            "How do I reset my password?",
            "How do I change my e-mail address?",
            "How do I close my account?",
        ),
    ),
    Topic(
        name="Billing",
        about="Prices, plans, invoices, cards, refunds and cancellations.",
        questions=(
            "Where do I find my invoice?",
            "How do I change the card I pay with?",
            "Can I get my money back?",
            "What does the yearly plan cost?",
        ),
    ),
    Topic(
        name="Getting started",
        about="Installing, first steps, requirements and imports from other products.",
        questions=(
            "How do I install it?",
            "Which systems are supported?",
            "How do I import my data?",
            "Where do I begin?",
        ),
    ),
    Topic(
        name="How to use it",
        about="Features, settings, shortcuts, sharing and exports.",
        questions=(
            "How do I export a report?",
            "Can I share it with a colleague?",
            "Where do I change the language?",
            "Is there a shortcut to search?",
        ),
    ),
    Topic(
        name="Problems",
        about="Errors, crashes, slowness, outages and known bugs.",
        questions=(
            "Why does it crash when I open a file?",
            "Is the service down?",
            "What does error 403 mean?",
            "Why is it so slow today?",
        ),
    ),
    Topic(
        name="Integrations",
        about="The API, web hooks, plug-ins and other services.",
        questions=(
            "Is there an API?",
            "How do I connect it with Slack?",
            "What is the rate limit of the API?",
            "How do I create an API key?",
        ),
    ),
    Topic(
        name="Privacy and security",
        about="Where data is kept, who sees it, certificates, deletion and incidents.",
        questions=(
            "Where is my data stored?",
            "How do I delete my data?",
            "Are you certified?",
            "Who can read my files?",
        ),
    ),
)

SPANISH: Final = (
    Topic(
        name="Cuenta y acceso",
        about="Registro, entrada, contraseñas, códigos de dos pasos, correo y cierre de la cuenta.",
        questions=(
            "No puedo entrar, ¿qué hago?",
            "¿Cómo restablezco mi contraseña?",
            "¿Cómo cambio mi correo?",
            "¿Cómo cierro mi cuenta?",
        ),
    ),
    Topic(
        name="Facturación",
        about="Precios, planes, facturas, tarjetas, devoluciones y bajas.",
        questions=(
            "¿Dónde encuentro mi factura?",
            "¿Cómo cambio la tarjeta con la que pago?",
            "¿Me pueden devolver el dinero?",
            "¿Cuánto cuesta el plan anual?",
        ),
    ),
    Topic(
        name="Primeros pasos",
        about="Instalación, requisitos, inicio e importación desde otros productos.",
        questions=(
            "¿Cómo se instala?",
            "¿Qué sistemas admite?",
            "¿Cómo importo mis datos?",
            "¿Por dónde empiezo?",
        ),
    ),
    Topic(
        name="Uso",
        about="Funciones, ajustes, atajos, compartir y exportar.",
        questions=(
            "¿Cómo exporto un informe?",
            "¿Puedo compartirlo con una compañera?",
            "¿Dónde cambio el idioma?",
            "¿Hay un atajo para buscar?",
        ),
    ),
    Topic(
        name="Problemas",
        about="Errores, cierres, lentitud, caídas y fallos conocidos.",
        questions=(
            "¿Por qué se cierra al abrir un archivo?",
            "¿Está caído el servicio?",
            "¿Qué significa el error 403?",
            "¿Por qué va tan lento hoy?",
        ),
    ),
    Topic(
        name="Integraciones",
        about="La API, los webhooks, los complementos y otros servicios.",
        questions=(
            "¿Hay una API?",
            "¿Cómo lo conecto con Slack?",
            "¿Cuál es el límite de la API?",
            "¿Cómo creo una clave de API?",
        ),
    ),
    Topic(
        name="Privacidad y seguridad",
        about="Dónde se guardan los datos, quién los ve, certificados, borrado e incidentes.",
        questions=(
            "¿Dónde se guardan mis datos?",
            "¿Cómo borro mis datos?",
            "¿Tenéis certificados?",
            "¿Quién puede leer mis archivos?",
        ),
    ),
)
