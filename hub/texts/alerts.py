"""What should have happened and did not, and what to do about it, by the codes of `hub.alerts.conditions`."""

from collections.abc import Mapping
from typing import Final

from hub.texts.text import Text

ALERT: Final[Mapping[str, Text]] = {
    "alert.backup-failing": Text(
        "Säkerhetskopian enligt schemat kunde inte göras{error}. Försök i rad: {attempts}.",
        "The scheduled backup could not be made{error}. Attempts in a row: {attempts}.",
    ),
    "alert.backup-old": Text(
        "Den senaste säkerhetskopian är gammal, eller så har ingen gjorts.",
        "The last backup is old, or none has been made.",
    ),
    "alert.certificate-ends": Text(
        "Certifikatet i {what} är giltigt i {count} dygn till{error}.",
        "The certificate in {what} is valid for {count} more days{error}.",
    ),
    "alert.config-refused": Text(
        "Hubben kunde inte läsa in konfigurationsfilen på nytt. Den arbetar vidare med den tidigare. Försök i rad: "
        "{attempts}.",
        "The hub could not read the configuration file again. It goes on with the former one. Attempts in a row: "
        "{attempts}.",
    ),
    "alert.connector-down": Text("Kopplingen arbetar inte{error}.", "The connector does not work{error}."),
    "alert.dead-letters": Text(
        "{count} händelser har inte kunnat levereras, och hubben försöker inte mer.",
        "{count} events could not be delivered, and the hub tries no more.",
    ),
    "alert.disk-full": Text(
        "Disken med datamappen är full: {count} MiB är lediga. Snart tar hubben inte emot fler händelser.",
        "The disk of the data folder is full: {count} MiB are free. Soon the hub accepts no more events.",
    ),
    "alert.disk-low": Text(
        "Disken med datamappen är nästan full: {count} MiB är lediga.",
        "The disk of the data folder is nearly full: {count} MiB are free.",
    ),
    "alert.events-expire": Text(
        "Händelser som mottagaren inte har fått gallras snart{error}. Dygn till dess: {count}.",
        "Events that the recipient has not got will be trimmed soon{error}. Days until then: {count}.",
    ),
    "alert.far-side-behind": Text(
        "{what} har inte fått det som väntar{error}.", "{what} has not got what waits for it{error}."
    ),
    "alert.keys-parked": Text(
        "{count} ärenden eller personer har händelser som väntar på ett nytt försök.",
        "{count} entities have events that wait for another try.",
    ),
    "alert.log-away": Text(
        "Hubben kan inte skriva till händelseloggen{error}. Inga händelser tas emot.",
        "The hub can't write to its log of events{error}. No events are accepted.",
    ),
    "alert.log-ins-failed": Text(
        "{count} anrop den senaste timmen hade fel nyckel.", "{count} requests in the last hour had a wrong token."
    ),
    "alert.look-failing": Text(
        "Hubben kan inte se om allt står rätt till i {what}{error}.",
        "The hub can't see whether all is well in {what}{error}.",
    ),
    "alert.mail-failing": Text("Larm kan inte skickas med e-post{error}.", "Alerts can't be sent by mail{error}."),
    "alert.mail-undelivered": Text(
        "E-postservern tar inte emot larm till adressen {what}{error}.",
        "The mail server accepts no alerts for the address {what}{error}.",
    ),
    "alert.marks-old": Text(
        "Skyddsmarkeringarna från {what} är för gamla. Inget om personer levereras förrän källan hörs av.",
        "The protection marks from {what} are too old. Nothing about persons is delivered until the source is heard.",
    ),
    "alert.new-version": Text(
        "Hubben har startat med en ny version: {what}.", "The hub has started with a new version: {what}."
    ),
    "alert.poll-failing": Text(
        "Kopplingen kan inte hämta allt{error}. Försök i rad: {attempts}.",
        "The connector can't read everything{error}. Attempts in a row: {attempts}.",
    ),
    "alert.recipient-failing": Text(
        "Mottagaren tar inte emot{error}. Försök i rad: {attempts}.",
        "The recipient takes no deliveries{error}. Attempts in a row: {attempts}.",
    ),
    "alert.recipient-paused": Text(
        "Hubben har pausat leveransen{error}. {count} händelser väntar.",
        "The hub has paused the delivery{error}. {count} events wait.",
    ),
    "alert.recipient-pending": Text(
        "Mottagaren har inte godkänt leveransen{error}. {count} händelser väntar.",
        "The recipient has not consented to the delivery{error}. {count} events wait.",
    ),
    "alert.source-missing": Text(
        "Källan {what} har aldrig meddelat att registret är komplett. {count} händelser väntar på den.",
        "The source {what} has never reported the directory as complete. {count} events wait for it.",
    ),
    "alert.store-away": Text(
        "Hubben kan inte skriva till sin databas{error}. Larm visas och skickas med e-post men sparas inte.",
        "The hub can't write to its database{error}. Alerts are shown and mailed but not stored.",
    ),
    "alert.timer-failing": Text(
        "Körningen {what} misslyckas{error}. Försök: {attempts}.", "The run {what} fails{error}. Attempts: {attempts}."
    ),
    "alert.timer-given-up": Text(
        "Körningen {what} misslyckades för gott{error}. Den görs inte om förrän nästa gång.",
        "The run {what} was given up{error}. It is not repeated before the next time.",
    ),
    "alert.timer-late": Text(
        "Körningen {what} skulle ha gjorts och är inte klar.", "The run {what} should have happened and has not ended."
    ),
    "alert.waiting-unknown": Text(
        "Kopplingen svarar inte på vad som väntar på att en person bekräftar det{error}.",
        "The connector does not answer what waits until a person confirms it{error}.",
    ),
    "alert.waits-for-person": Text(
        "Kopplingen väntar på att någon bekräftar {what}.",
        "The connector waits until a person confirms {what}.",
    ),
}

ALERTS: Final[Mapping[str, Text]] = {
    "alerts.acknowledged": Text("{id}: {name} tar hand om det.", "{id}: {name} sees to it."),
    "alerts.because": Text(" ({error})", " ({error})"),
    "alerts.mail.is-over": Text("Över: {says}", "Over: {says}"),
    "alerts.mail.more": Text("... och {count} till: skolnav alerts", "... and {count} more: skolnav alerts"),
    "alerts.mail.next": Text("  Nästa försök: {at}", "  Next try: {at}"),
    "alerts.mail.over": Text("{municipality}: {count} larm är över", "{municipality}: {count} alerts are over"),
    "alerts.mail.raised": Text("{municipality}: {count} larm", "{municipality}: {count} alerts"),
    "alerts.mail.reminder": Text("Påminnelse. {says}", "Reminder. {says}"),
    "alerts.mail.since": Text("  Sedan {at}. {todo}", "  Since {at}. {todo}"),
    "alerts.mail.what-now": Text(
        "Se allt och bekräfta: skolnav alerts", "See everything and acknowledge: skolnav alerts"
    ),
    "alerts.none": Text("Inget behöver dig.", "Nothing needs you."),
    "alerts.some": Text("några", "some"),
    "alerts.unknown": Text(
        "Det finns inget larm {id}.{hint} Se listan: skolnav alerts.",
        "There is no alert {id}.{hint} For a list: skolnav alerts.",
    ),
}

SEVERITY: Final[Mapping[str, Text]] = {
    "severity.critical": Text("allvarligt", "critical"),
    "severity.info": Text("information", "information"),
    "severity.warning": Text("varning", "warning"),
}

ADVICE: Final[Mapping[str, Text]] = {
    "todo.backup-failing": Text(
        "Kontrollera backups.folder i konfigurationsfilen: att mappen finns, att hubben får skriva där och att det "
        "finns plats. Hubben försöker igen av sig själv.",
        "Check backups.folder in the configuration file: that the folder is there, that the hub may write to it, and "
        "that it has room. The hub tries again by itself.",
    ),
    "todo.backup-old": Text(
        "Gör en nu: skolnav backup MAPP. Ställ sedan in att det sker av sig själv.",
        "Make one now: skolnav backup FOLDER. Then set it up to happen by itself.",
    ),
    "todo.certificate-ends": Text(
        "Begär ett nytt certifikat och byt filen. Läs sedan in den: skolnav connectors restart NAMN för en koppling, "
        "annars skolnav apply.",
        "Order a new certificate and replace the file. Then let the hub read it: skolnav connectors restart NAME for a "
        "connector, else skolnav apply.",
    ),
    "todo.config-refused": Text(
        "Se vad som är fel: skolnav check. Rätta filen, och läs sedan in den: skolnav apply.",
        "See what is wrong: skolnav check. Correct the file, then let the hub read it: skolnav apply.",
    ),
    "todo.connector-down": Text(
        "Se orsaken i skolnav connectors. Rätta den, och starta sedan om kopplingen: skolnav connectors restart NAMN.",
        "See the reason in skolnav connectors. Mend it, then restart the connector: skolnav connectors restart NAME.",
    ),
    "todo.dead-letters": Text(
        "Se dem i skolnav dead-letters. Skicka dem igen när mottagaren kan ta emot dem.",
        "See them in skolnav dead-letters. Send them again once the recipient can take them.",
    ),
    "todo.disk-full": Text(
        "Frigör utrymme nu, eller gör disken större.", "Free some space now, or make the disk larger."
    ),
    "todo.disk-low": Text("Frigör utrymme, eller gör disken större.", "Free some space, or make the disk larger."),
    "todo.events-expire": Text(
        "Se till att mottagaren tar emot: skolnav subscriptions resume NAMN om prenumerationen är pausad. Ta annars "
        "bort prenumerationen, eller öka retention.",
        "See that the recipient takes deliveries: skolnav subscriptions resume NAME if the subscription is paused. "
        "Else remove the subscription, or raise retention.",
    ),
    "todo.far-side-behind": Text(
        "Ring {what} om det är bråttom, och se till att dess system svarar. Hubben försöker igen av sig själv.",
        "Call {what} if it is urgent, and see that its system answers. The hub tries again by itself.",
    ),
    "todo.keys-parked": Text(
        "Se vad mottagaren svarar: skolnav subscriptions show NAMN. Hubben försöker igen av sig själv.",
        "See what the recipient answers: skolnav subscriptions show NAME. The hub tries again by itself.",
    ),
    "todo.log-away": Text(
        "Frigör utrymme på disken, eller se till att loggens server svarar. Hubben försöker igen av sig själv.",
        "Free some space on the disk, or see that the log's server answers. The hub tries again by itself.",
    ),
    "todo.log-ins-failed": Text(
        "Se i loggen varifrån de kommer. Ett system kan ha kvar en gammal nyckel, eller så gissar någon.",
        "See in the log where they come from. A system may have an old token, or a caller is guessing.",
    ),
    "todo.look-failing": Text(
        "Se felet i hubbens logg och anmäl det. Larm om denna del kan utebli tills det är rättat.",
        "See the error in the hub's log and report it. Alerts about this part may be missing until it is mended.",
    ),
    "todo.mail-failing": Text(
        "Kontrollera alerts.mail i konfigurationsfilen, och att e-postservern svarar.",
        "Check alerts.mail in the configuration file, and that the mail server answers.",
    ),
    "todo.mail-undelivered": Text(
        "Kontrollera adressen i konfigurationsfilen, och att brevlådan inte är full.",
        "Check the address in the configuration file, and that the mailbox is not full.",
    ),
    "todo.marks-old": Text(
        "Se till att skolsystemet svarar, eller att det som publicerar källan arbetar.",
        "See that the school system answers, or that what publishes the source works.",
    ),
    "todo.new-version": Text("Läs CHANGELOG. Bekräfta sedan larmet.", "Read CHANGELOG. Then acknowledge the alert."),
    "todo.poll-failing": Text(
        "Se till att systemet på andra sidan svarar: skolnav check --selftest. Hubben försöker igen av sig själv.",
        "See that the system at the far side answers: skolnav check --selftest. The hub tries again by itself.",
    ),
    "todo.recipient-failing": Text(
        "Tala med dem som sköter mottagaren. Händelserna ligger kvar, och hubben försöker igen av sig själv.",
        "Talk to those who run the recipient. The events are kept, and the hub tries again by itself.",
    ),
    "todo.recipient-paused": Text(
        "Rätta orsaken, och fortsätt sedan: skolnav subscriptions resume NAMN.",
        "Mend the reason, then resume: skolnav subscriptions resume NAME.",
    ),
    "todo.recipient-pending": Text(
        "Be mottagaren svara på handskakningen (WebHook-Allowed-Origin), eller skriv handshake: false i filen.",
        "Ask the recipient to answer OPTIONS with WebHook-Allowed-Origin, or write handshake: false in the file.",
    ),
    "todo.source-missing": Text(
        "Kontrollera att källan är rättstavad i directory.sources (skolnav check) och att den hämtar eller publicerar.",
        "Check that the source is spelt rightly in directory.sources (skolnav check), and that it reads or publishes.",
    ),
    "todo.store-away": Text(
        "Frigör utrymme på disken, eller se till att databasen svarar. Hubben försöker igen av sig själv.",
        "Free some space on the disk, or see that the database answers. The hub tries again by itself.",
    ),
    "todo.timer-failing": Text(
        "Se till att systemet på andra sidan svarar. Hubben försöker igen av sig själv.",
        "See that the system at the far side answers. The hub tries again by itself.",
    ),
    "todo.timer-given-up": Text(
        "Se orsaken i loggen. Gör det som skulle ha gjorts för hand om det är bråttom.",
        "See the reason in the log. Do by hand what should have been done if it is urgent.",
    ),
    "todo.timer-late": Text(
        "Se vad kopplingen gör: skolnav connectors. Starta om den om den har hängt sig.",
        "See what the connector does: skolnav connectors. Restart it if it hangs.",
    ),
    "todo.waiting-unknown": Text(
        "Se felet i skolnav connectors. Starta om kopplingen om det består: skolnav connectors restart NAMN.",
        "See the error in skolnav connectors. Restart the connector if it lasts: skolnav connectors restart NAME.",
    ),
    "todo.waits-for-person": Text(
        "Läs vad som skulle göras: skolnav connectors. Bekräfta om det stämmer: skolnav connectors confirm NAMN ORD.",
        "Read what would be done: skolnav connectors. Confirm if it is right: skolnav connectors confirm NAME WORD.",
    ),
}
