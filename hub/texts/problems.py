"""Titles of the API's problem documents (`hub.http.problems`), by code."""

from collections.abc import Mapping
from typing import Final

from hub.texts.text import Text

PROBLEM: Final[Mapping[str, Text]] = {
    "problem.contract-too-wide": Text(
        "Prenumerationen omfattar mer än klientens avtal", "More than the client's contract allows"
    ),
    "problem.cursor-too-old": Text("Markören är äldre än det som sparas", "The cursor is older than what is kept"),
    "problem.cursor-unknown": Text(
        "Markören hör inte till prenumerationen", "The cursor is not one of this subscription"
    ),
    "problem.head-too-large": Text("Anropets huvud är för stort", "The head of the request is too large"),
    "problem.id-conflict": Text("Ett känt id har kommit med annat innehåll", "A known id came with other content"),
    "problem.internal": Text("Hubben misslyckades", "The hub failed"),
    "problem.invalid-content": Text("Innehållet är inte giltigt", "The content is not valid"),
    "problem.invalid-event": Text("En händelse är inte giltig", "An event is not valid"),
    "problem.invalid-request": Text("Anropet är inte giltigt", "The request is not valid"),
    "problem.media-type": Text("Innehållstypen tas inte emot", "This content type is not accepted"),
    "problem.method-not-allowed": Text("Metoden är inte tillåten här", "The method is not allowed here"),
    "problem.no-contract": Text("Klienten saknar dataavtal", "The client has no data contract"),
    "problem.not-found": Text("Det finns ingenting här", "Nothing here"),
    "problem.not-implemented": Text("Funktionen finns inte här", "This is not implemented here"),
    "problem.not-permitted-to-publish": Text("Klienten får inte publicera detta", "The client may not publish this"),
    "problem.owned-by-another": Text("Uppgiften tillhör en annan källa", "It belongs to another source"),
    "problem.owned-by-file": Text("Konfigurationsfilen äger detta", "The configuration file owns this"),
    "problem.request-timeout": Text("Anropet tog för lång tid att komma fram", "The request took too long to arrive"),
    "problem.role-missing": Text("Klienten saknar en roll", "The client lacks a role"),
    "problem.state-conflict": Text("Åtgärden är inte möjlig med nuvarande status", "Not possible in its present state"),
    "problem.target-too-long": Text("Sökvägen är för lång", "The path is too long"),
    "problem.too-large": Text("Anropet är för stort", "Too much at once"),
    "problem.too-many-requests": Text("För många anrop samtidigt", "Too many requests at a time"),
    "problem.unauthenticated": Text("Anropet saknar giltig inloggning", "No valid credentials"),
    "problem.unavailable": Text("Åtgärden är inte möjlig just nu", "Not possible right now"),
}
