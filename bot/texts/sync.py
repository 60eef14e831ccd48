"""What `/knowledge sync` and `/knowledge refresh` say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncTexts:
    running: str
    """`channel` is a mention; `read` messages were looked at, `made` conversations brought up to date."""
    waiting: str
    paused: str
    """`message` says what is wrong."""
    done: str
    skipped: str
    cancelled: str
    lost: str
    """The bot may no longer read the channel."""
    gone: str
    button_cancel: str
    not_running: str
    is_running: str
    cannot: str
    may_not_read: str
    you_may_not_read: str
    bad_since: str
    listed: str
    """`state` is one of the four below."""
    followed: str
    """`at` is when new messages were looked for."""
    to_follow: str
    reading: str
    not_followed: str
    all_of: str
    nothing_to_refresh: str
    unchanged: str
    changed: str
    vanished: str
    refresh_done: str


ENGLISH: Final = SyncTexts(
    running="⏳ Reading {channel}: {read:# message|# messages}, {made:# conversation|# conversations} so "
    "far.",
    waiting="⏳ {channel} is read when the channel before it is done.",
    paused="⏸️ Reading {channel} is paused: {message} I try again by myself. "
    "{read:# message|# messages} so far.",
    done="✅ {channel} is read: {read:# message|# messages} looked at, {made:# conversation|# conversations} "
    "new or changed. I take in by myself what is said there from now on.",
    skipped="{count:# thread was|# threads were} left out, as I may not read {count:it|them}.",
    cancelled="⏹️ Reading {channel} is stopped. What was read stays; `/knowledge sync` goes on from there.",
    lost="⚠️ I may not read {channel} any longer: give me View Channel and Read Message History. "
    "What was read stays.",
    gone="⚠️ The channel was deleted, and what was kept of it is removed.",
    button_cancel="Stop",
    not_running="This channel is not being read.",
    is_running="{channel} is being read already.",
    cannot="Only text channels, forums and threads can be read.",
    may_not_read="I may not read {channel}: give me View Channel and Read Message History there.",
    you_may_not_read="You may not read {channel} yourself.",
    bad_since="{text} is no date. Write it as 2026-01-31.",
    listed="{channel}: {count:# conversation|# conversations}, {state}",
    followed="new messages last looked for {at}",
    to_follow="new messages are looked for soon",
    reading="being read",
    not_followed="not followed, as reading it was stopped: `/knowledge sync` goes on",
    all_of="All of {channel}",
    nothing_to_refresh="There is no file or page here to read again.",
    unchanged="unchanged: {name}",
    changed="read again: {name}",
    vanished="removed, as it is no longer there: {name}",
    refresh_done="{unchanged} unchanged, {changed} read again, {removed} removed, {failed} failed.",
)
SPANISH: Final = SyncTexts(
    running="⏳ Leyendo {channel}: {read:# mensaje|# mensajes}, {made:# conversación|# conversaciones} hasta "
    "ahora.",
    waiting="⏳ Leeré {channel} cuando termine el canal anterior.",
    paused="⏸️ La lectura de {channel} está en pausa: {message} Lo reintento yo solo. "
    "{read:# mensaje|# mensajes} hasta ahora.",
    done="✅ {channel} está leído: {read:# mensaje revisado|# mensajes revisados}, "
    "{made:# conversación nueva o cambiada|# conversaciones nuevas o cambiadas}. "
    "Desde ahora incorporo por mi cuenta lo que se diga allí.",
    skipped="{count:# hilo quedó|# hilos quedaron} fuera porque no puedo {count:leerlo|leerlos}.",
    cancelled="⏹️ La lectura de {channel} está detenida. Lo leído se queda; "
    "`/knowledge sync` sigue desde ahí.",
    lost="⚠️ Ya no puedo leer {channel}: dame Ver canal y Leer el historial de mensajes. Lo leído se queda.",
    gone="⚠️ El canal se borró, y lo que guardaba de él se ha quitado.",
    button_cancel="Detener",
    not_running="Este canal no se está leyendo.",
    is_running="Ya estoy leyendo {channel}.",
    cannot="Solo se pueden leer canales de texto, foros e hilos.",
    may_not_read="No puedo leer {channel}: dame allí Ver canal y Leer el historial de mensajes.",
    you_may_not_read="Tú no puedes leer {channel}.",
    bad_since="{text} no es una fecha. Escríbela así: 2026-01-31.",
    listed="{channel}: {count:# conversación|# conversaciones}, {state}",
    followed="mensajes nuevos buscados {at}",
    to_follow="pronto busco mensajes nuevos",
    reading="lo estoy leyendo",
    not_followed="sin seguir, porque se detuvo la lectura: `/knowledge sync` la continúa",
    all_of="Todo lo de {channel}",
    nothing_to_refresh="Aquí no hay ningún archivo ni página que volver a leer.",
    unchanged="sin cambios: {name}",
    changed="leído de nuevo: {name}",
    vanished="quitado, porque ya no está: {name}",
    refresh_done="{unchanged} sin cambios, {changed:# leído|# leídos} de nuevo, "
    "{removed:# quitado|# quitados}, {failed} con error.",
)

ENGLISH_DESCRIPTIONS: Final = {
    "knowledge.sync": "Take in what was said in a channel, forum or thread, and follow it.",
    "knowledge.sync.channel": "Which one; this one when you name none.",
    "knowledge.sync.since": "Nothing older than this day, such as 2026-01-31.",
    "knowledge.refresh": "Read files, pages and channels again, and take in what changed.",
    "knowledge.refresh.source": "Which one; every file and page when you name none.",
}
SPANISH_DESCRIPTIONS: Final = {
    "knowledge.sync": "Incorporar lo dicho en un canal, foro o hilo, y seguirlo.",
    "knowledge.sync.channel": "Cuál; este si no indicas ninguno.",
    "knowledge.sync.since": "Nada anterior a este día, por ejemplo 2026-01-31.",
    "knowledge.refresh": "Volver a leer archivos, páginas y canales, e incorporar lo que cambió.",
    "knowledge.refresh.source": "Cuál; todos los archivos y páginas si no indicas ninguna.",
}
