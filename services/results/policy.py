"""Who may do what with a result, and when. Pure: raises or answers, reads nothing."""

from collections.abc import Sequence
from typing import TypeGuard

from services.results import messages
from services.results.models import TRANSITIONS, VOTES_NEEDED, AlarmAnswer, ReleaseVote, Result, Status, Subscription
from shared.auth import Principal, Role, require
from shared.contracts import Alarm, AudienceKind
from shared.contracts.wording import Sentence
from shared.errors import Conflict, Forbidden, Gone, NotFound

# Machines and the operators see neither records nor data; the auditor sees records, and data only where everybody does.
NO_RECORDS = frozenset({Role.OPS, Role.WORKER})
NO_DATA = NO_RECORDS | {Role.AUDITOR}
OUT = frozenset({Status.RELEASED, Status.RECALLED})
LIST_READERS = (Role.REQUESTER, Role.STEWARD)


def check_move(result: Result, to: Status) -> None:
    if to not in TRANSITIONS[result.status]:
        raise Conflict(messages.RESULT_MOVE(status=result.status, to=to))


def is_author(caller: Principal, result: Result) -> bool:
    return caller.subject in result.authors


def is_involved(caller: Principal, result: Result) -> bool:
    """Whether the caller has another part in the request: asked for it, decided for an owner, or voted in the council."""
    return caller.subject in result.involved


def is_checker(caller: Principal | None, result: Result) -> bool:
    """Whether the caller may check it: of another body than the one that asked, and without another part in it."""
    return follows_as_checker(caller, result) and not is_involved(caller, result) and caller.ministry != result.ministry


def follows_as_checker(caller: Principal | None, result: Result) -> TypeGuard[Principal]:
    """Output checkers see the record of every result, but as authors only that of their ministry."""
    return caller is not None and caller.has(Role.OUTPUT_CHECKER) and not is_author(caller, result)


def is_analyst(caller: Principal | None, result: Result) -> bool:
    """The centre's analysts answer the alarms of a result; those with another part in it do not."""
    return follows_as_analyst(caller, result) and not is_involved(caller, result)


def follows_as_analyst(caller: Principal | None, result: Result) -> TypeGuard[Principal]:
    """The centre's analysts see a result that raised an alarm, and only such a one."""
    return caller is not None and caller.has(Role.CENTRE_ANALYST) and not is_author(caller, result) and bool(result.alarms)


def sees_exact_counts(caller: Principal | None, result: Result) -> bool:
    """Whoever checks the result sees how many rows were left out; of few rows a count may tell of single persons."""
    return is_checker(caller, result) or is_analyst(caller, result)


def of_ministry(caller: Principal | None, result: Result) -> bool:
    return caller is not None and caller.ministry == result.ministry and not caller.roles <= NO_RECORDS


def in_audience(caller: Principal | None, result: Result) -> bool:
    """Whether the released result is meant for the caller; None is the public."""
    audience = result.audience
    if audience.kind is AudienceKind.PUBLIC:
        return True
    if caller is None or caller.roles <= NO_DATA:
        return False
    return audience.kind is AudienceKind.MEMBERS or caller.ministry in (*audience.ministries, result.ministry)


def keeps_record(caller: Principal | None, result: Result) -> bool:
    """Whether the caller sees how the result stands at every stage: its ministry, who checks it or answers, the auditor."""
    if caller is None:
        return False
    if caller.has(Role.COUNCIL_SECRETARY) and result.status in OUT:
        return True
    follows = follows_as_checker(caller, result) or follows_as_analyst(caller, result)
    return of_ministry(caller, result) or follows or caller.has(Role.AUDITOR)


def knows(caller: Principal | None, result: Result) -> bool:
    return keeps_record(caller, result) or (result.status in OUT and in_audience(caller, result))


def reads(caller: Principal | None, result: Result) -> bool:
    """Whether the caller may read tables, figures and metrics now."""
    if result.status is Status.HELD:
        return may_answer(caller, result)
    return result.status is Status.RELEASED and (in_audience(caller, result) or is_checker(caller, result))


def check_known(caller: Principal | None, result: Result | None) -> Result:
    if result is None or not knows(caller, result):
        raise NotFound(messages.NO_RESULT)
    return result


def check_readable(caller: Principal | None, result: Result | None) -> Result:
    """404 for what the caller may not know of, 410 with the reason after a recall, 403 for what is not the caller's to read."""
    known = check_known(caller, result)
    if known.status is Status.RECALLED:
        raise Gone(messages.RECALLED(reason=known.reason))
    if reads(caller, known):
        return known
    if known.status is Status.RELEASED:
        raise Forbidden(messages.RECORD_ONLY, right="a role of the result's audience")
    raise Forbidden(messages.BEFORE_RELEASE(status=known.status), right=Role.OUTPUT_CHECKER)


def check_list_reader(caller: Principal, result: Result | None) -> Result:
    """A restricted list is read by the ministry that asked, by its requesters and stewards, after release."""
    known = check_known(caller, result)
    if caller.ministry != known.ministry:
        raise Forbidden(messages.ASKERS_LIST, right=f"{Role.REQUESTER} of {known.ministry}")
    require(caller, *LIST_READERS)
    if known.status is Status.RECALLED:
        raise Gone(messages.RECALLED(reason=known.reason))
    if known.status is not Status.RELEASED:
        raise Conflict(messages.LIST_AFTER_RELEASE(status=known.status))
    return known


def check_may_vote(caller: Principal, result: Result | None) -> Result:
    known = check_known(caller, result)
    require(caller, Role.OUTPUT_CHECKER)
    if is_author(caller, known):
        raise Forbidden(messages.OWN_RESULT, right="output-checker who is not the author")
    check_not_involved(caller, known, messages.INVOLVED_CHECKER)
    if caller.ministry == known.ministry:
        right = f"output-checker of another ministry than {known.ministry}"
        raise Forbidden(messages.OWN_BODYS_RESULT, right=right)
    return known


def check_not_involved(caller: Principal, result: Result, sentence: Sentence) -> None:
    if is_involved(caller, result):
        raise Forbidden(sentence, right="somebody without another part in the request")


def may_answer(caller: Principal | None, result: Result) -> bool:
    """Whoever checks a result, or works at the centre that made it; never an author of the request."""
    return is_checker(caller, result) or is_analyst(caller, result)


def check_may_answer(caller: Principal, result: Result | None) -> Result:
    known = check_known(caller, result)
    require(caller, Role.OUTPUT_CHECKER, Role.CENTRE_ANALYST)
    if is_author(caller, known):
        right = "output-checker or centre-analyst who is not the author"
        raise Forbidden(messages.OWN_ALARM, right=right)
    check_not_involved(caller, known, messages.INVOLVED_ANSWERER)
    if caller.has(Role.OUTPUT_CHECKER) and not caller.has(Role.CENTRE_ANALYST) and caller.ministry == known.ministry:
        right = f"centre-analyst, or output-checker of another ministry than {known.ministry}"
        raise Forbidden(messages.OWN_BODYS_RESULT, right=right)
    return known


def unanswered(result: Result, answers: Sequence[AlarmAnswer]) -> dict[int, Alarm]:
    """The alarms that hold the result. An answer to an earlier attempt of the run counts for that attempt alone."""
    answered = {answer.number for answer in answers if answer.run_fence == result.run_fence}
    return {number: alarm for number, alarm in result.raised.items() if number not in answered}


def check_answerable(result: Result, number: int, answers: Sequence[AlarmAnswer]) -> Alarm:
    alarm = result.raised.get(number)
    if alarm is None:
        raise NotFound(messages.NO_ALARM)
    if number not in unanswered(result, answers):
        raise Conflict(messages.ALARM_ANSWERED)
    if result.status is not Status.HELD:
        raise Conflict(messages.ALARM_NOT_OPEN(status=result.status))
    return alarm


def check_alarms_answered(result: Result, answers: Sequence[AlarmAnswer]) -> None:
    """Nobody votes on a result before a person has said what its alarms mean."""
    for number, alarm in unanswered(result, answers).items():
        raised = messages.ALARM_OF(code=alarm.code, feature=alarm.feature) if alarm.feature else alarm.code
        sentence = messages.ALARM_FIRST(number=number, alarm=raised, result=result.id)
        raise Conflict(sentence, alarm=number, code=alarm.code)


def check_no_other_answer(caller: Principal, answers: Sequence[AlarmAnswer]) -> None:
    """Who answered an alarm as an analyst, or for another body, does not vote as well."""
    for answer in answers:
        same = answer.role == Role.OUTPUT_CHECKER and answer.ministry == caller.ministry
        if answer.answered_by == caller.subject and not same:
            sentence = messages.ANSWERED_ALARM(role=answer.role, ministry=answer.ministry)
            raise Forbidden(sentence, right="somebody without another part in the request")


def check_vote_open(result: Result, votes: Sequence[ReleaseVote], caller: Principal) -> None:
    if any(vote.checker == caller.subject for vote in votes):
        raise Conflict(messages.VOTED)
    if any(vote.ministry == caller.ministry for vote in votes):
        raise Conflict(messages.SAME_BODY_VOTED(ministry=caller.ministry))
    if result.status is not Status.HELD:
        raise Conflict(messages.RESULT_NOT_OPEN(status=result.status))


def check_may_recall(caller: Principal, result: Result | None) -> Result:
    known = check_known(caller, result)
    require(caller, Role.OUTPUT_CHECKER, Role.COUNCIL_SECRETARY)
    return known


def votes_revealed(votes: Sequence[ReleaseVote]) -> bool:
    """Checkers are blind to each other, and everybody to them, until both have voted."""
    return len(votes) >= VOTES_NEEDED


def check_may_subscribe(caller: Principal) -> None:
    require(caller, *LIST_READERS)


def check_subscription(caller: Principal, subscription: Subscription | None) -> Subscription:
    if subscription is None or subscription.ministry != caller.ministry or subscription.ended_at is not None:
        raise NotFound(messages.NO_SUBSCRIPTION)
    return subscription


def hears(ministry: str, result: Result, *, everyone: bool) -> bool:
    """Whether a ministry's subscription may carry an event of this result; `everyone` in its audience, or only who asked."""
    if ministry == result.ministry:
        return True
    audience = result.audience
    return everyone and (audience.kind is not AudienceKind.MINISTRIES or ministry in audience.ministries)


def actions_for(
    caller: Principal | None, result: Result, votes: Sequence[ReleaseVote], answers: Sequence[AlarmAnswer] = ()
) -> list[str]:
    """What this caller may do now."""
    actions = ["read"] if reads(caller, result) else []
    if caller is None:
        return actions
    voted = any(vote.checker == caller.subject or vote.ministry == caller.ministry for vote in votes)
    waits = bool(unanswered(result, answers))
    if result.status is Status.HELD and waits and may_answer(caller, result):
        actions.append("answer-alarm")
    if result.status is Status.HELD and not waits and is_checker(caller, result) and not voted:
        actions.append("vote")
    if result.status is Status.RELEASED and (caller.has(Role.OUTPUT_CHECKER) or caller.has(Role.COUNCIL_SECRETARY)):
        actions.append("recall")
    lists = result.contents.get("lists")
    if lists and result.status is Status.RELEASED and caller.ministry == result.ministry and any(map(caller.has, LIST_READERS)):
        actions.append("read-restricted-list")
    return actions
