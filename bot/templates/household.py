"""A household: its rooms, machines, papers and people."""

from typing import Final

from bot.topics import Topic

ENGLISH: Final = (
    Topic(
        name="House",
        about="The building itself, such as roof, doors, windows, paint, keys and who repaired what.",
        questions=(
            "Who fixed the roof last time?",
            "What colour is the paint in the hallway?",
            "Where is the spare key?",
            "When were the windows replaced?",
        ),
    ),
    Topic(
        name="Appliances and electronics",
        about="Washing machine, fridge, television, computers, Wi-Fi: models, error codes, warranties.",
        questions=(
            "What is the Wi-Fi password for guests?",
            "What does error E24 on the dishwasher mean?",
            "Is the washing machine still under warranty?",
            "Which bulbs fit the kitchen lamp?",
        ),
    ),
    Topic(
        name="Heating and energy",
        about="Boiler, radiators, thermostat, electricity, gas and water, with their meters and bills.",
        questions=(
            "When was the boiler serviced?",
            "What pressure should the boiler have?",
            "How much electricity did we use last winter?",
            "How do I bleed a radiator?",
        ),
    ),
    Topic(
        name="Garden",
        about="Beds, trees, lawn, tools and pests, and when things are sown, cut and watered.",
        questions=(
            "When do we prune the apple tree?",
            "What did we spray against the aphids?",
            "How often is the lawn watered?",
            "When do the tomatoes go out?",
        ),
    ),
    Topic(
        name="Car",
        about="The family's vehicles: service, tyres, insurance, inspections and repairs.",
        questions=(
            "When is the car due for inspection?",
            "What tyre pressure does the car need?",
            "Who is our car insurance with?",
            "When was the oil changed?",
        ),
    ),
    Topic(
        name="Cooking",
        about="Recipes, amounts, oven times and what was served when.",
        questions=(
            "How long does the lasagne take?",
            "How much flour goes into the pizza dough?",
            "What did we cook at Christmas?",
            "Which cake did Grandma like?",
        ),
    ),
    Topic(
        name="Health",
        about="Doctors, medicines, allergies, vaccinations and appointments of the family.",
        questions=(
            "When is the next dentist appointment?",
            "Which medicine is for hay fever?",
            "When were the children vaccinated?",
            "What is our doctor's telephone number?",
        ),
    ),
    Topic(
        name="Money and papers",
        about="Bank, insurance, taxes, contracts and where papers are kept.",
        questions=(
            "When does the home insurance run out?",
            "What do we pay for the internet?",
            "Where are the birth certificates?",
            "By when is the tax return due?",
        ),
    ),
)

SPANISH: Final = (
    Topic(
        name="Casa",
        about="El edificio: tejado, puertas, ventanas, pintura, llaves y quién reparó qué.",
        questions=(
            "¿Quién arregló el tejado la última vez?",
            "¿De qué color es la pintura del pasillo?",
            "¿Dónde está la llave de repuesto?",
            "¿Cuándo se cambiaron las ventanas?",
        ),
    ),
    Topic(
        name="Aparatos y electrónica",
        about="Lavadora, nevera, televisión, ordenadores y Wi-Fi; sus modelos, códigos de error y garantías.",
        questions=(
            "¿Cuál es la contraseña del Wi-Fi de invitados?",
            "¿Qué significa el error E24 del lavavajillas?",
            "¿La lavadora sigue en garantía?",
            "¿Qué bombillas lleva la lámpara de la cocina?",
        ),
    ),
    Topic(
        name="Calefacción y energía",
        about="Caldera, radiadores, termostato, luz, gas y agua, con sus contadores y facturas.",
        questions=(
            "¿Cuándo se revisó la caldera?",
            "¿Qué presión debe tener la caldera?",
            "¿Cuánta luz gastamos el invierno pasado?",
            "¿Cómo se purga un radiador?",
        ),
    ),
    Topic(
        name="Jardín",
        about="Bancales, árboles, césped, herramientas y plagas, y cuándo se siembra, se poda y se riega.",
        questions=(
            "¿Cuándo se poda el manzano?",
            "¿Qué echamos contra los pulgones?",
            "¿Cada cuánto se riega el césped?",
            "¿Cuándo se plantan los tomates?",
        ),
    ),
    Topic(
        name="Coche",
        about="Los vehículos de la familia: revisiones, neumáticos, seguro, ITV y reparaciones.",
        questions=(
            "¿Cuándo le toca la ITV al coche?",
            "¿Qué presión llevan los neumáticos?",
            "¿Con quién tenemos el seguro del coche?",
            "¿Cuándo se cambió el aceite?",
        ),
    ),
    Topic(
        name="Cocina",
        about="Recetas, cantidades, tiempos de horno y qué se sirvió cuándo.",
        questions=(
            "¿Cuánto tarda la lasaña?",
            "¿Cuánta harina lleva la masa de pizza?",
            "¿Qué cocinamos en Navidad?",
            "¿Qué tarta le gustaba a la abuela?",
        ),
    ),
    Topic(
        name="Salud",
        about="Médicos, medicinas, alergias, vacunas y citas de la familia.",
        questions=(
            "¿Cuándo es la próxima cita del dentista?",
            "¿Qué medicina es para la alergia al polen?",
            "¿Cuándo se vacunaron los niños?",
            "¿Cuál es el teléfono de nuestra médica?",
        ),
    ),
    Topic(
        name="Dinero y papeles",
        about="Banco, seguros, impuestos, contratos y dónde se guardan los papeles.",
        questions=(
            "¿Cuándo vence el seguro del hogar?",
            "¿Cuánto pagamos por internet?",
            "¿Dónde están las partidas de nacimiento?",
            "¿Hasta cuándo hay plazo para la declaración de la renta?",
        ),
    ),
)
