"""Middleware for ``create_agent``: the model sees placeholders, tools get values, the state holds none."""

import re
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any, Literal, cast
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage, BaseMessage, SystemMessage, ToolMessage
from langchain_core.runnables import RunnableConfig

from langchain_secguard.anonymize import Anonymizer
from langchain_secguard.blocks import UNSCANNED
from langchain_secguard.content import rewrite
from langchain_secguard.deanonymize import Deanonymizer
from langchain_secguard.errors import UnprotectedStateError
from langchain_secguard.events import ANONYMIZED
from langchain_secguard.middleware.agent import ProtectedAgent
from langchain_secguard.middleware.framework import (
    AgentMiddleware,
    Command,
    ExtendedModelResponse,
    ModelRequest,
    ModelResponse,
    PregelProtocol,
    Runtime,
    ToolCallRequest,
    get_config,
)
from langchain_secguard.middleware.marks import mark_all
from langchain_secguard.middleware.pair import Pair, Plan, adrive, drive
from langchain_secguard.middleware.tools import ToolCall, Tools, enter
from langchain_secguard.sight import sight_of
from langchain_secguard.vault import Vault

_CHECKPOINTER = "__pregel_checkpointer"
_UNPROTECTED = (
    "A message got into the state of this agent with values in it, and so into its checkpoints. Wrap the "
    "agent, agent = middleware.protect(create_agent(...)), and call that: what it is given is hidden before "
    "the graph, and its checkpointer, see it. Middleware that adds messages with values must hide them."
)


class AnonymizeMiddleware(AgentMiddleware[Any, Any, Any]):
    """Hide personal data from the model of an agent, and give it to the tools.

    The model sees placeholders; a tool is called with values, and what it gives is hidden before it enters
    the state. :meth:`protect` wraps the agent, since a graph writes its input to the checkpointer before any
    middleware runs: the wrapped agent hides what it is given and restores what it gives, in every mode.
    The vault of a call is named by its config; ``thread_id`` does.

    Name it last in ``middleware``, so that it is the innermost: then other middleware sees placeholders, and
    what it adds to a model call is hidden, too.

    Example:
        .. code-block:: python

            secure = AnonymizeMiddleware(tool_entity_types={"send_mail": ["EMAIL_ADDRESS"]})
            agent = secure.protect(create_agent(model, tools, middleware=[secure], checkpointer=saver))
            agent.invoke({"messages": "Write to Jane Doe."}, {"configurable": {"thread_id": "7"}})

    Args:
        anonymizer: Hides; ``Anonymizer()`` by default. Its ``preamble`` stands before the system prompt.
        deanonymizer: Restores; one with the anonymizer's store, vault and form by default.
        tool_entity_types: The entity types whose values each tool is given, by the tool's name; it sees
            placeholders of the others. Tools that are not named get none, or those of ``"*"``. By default
            every tool is given all values.
        system_prompt: ``"hide"``: system prompts are read like any text, since they may be made from what is
            known of a user. ``"allow"`` sends them as they are.

    Raises:
        ValueError: The two steps name different vaults, stores or forms, or one of them has ``keys``.
        TypeError: The entity types of a tool are one string, not a collection of them.
    """

    def __init__(
        self,
        *,
        anonymizer: Anonymizer | None = None,
        deanonymizer: Deanonymizer | None = None,
        tool_entity_types: Mapping[str, Collection[str]] | None = None,
        system_prompt: Literal["hide", "allow"] = "hide",
    ) -> None:
        super().__init__()
        if system_prompt not in ("hide", "allow"):
            raise ValueError('system_prompt is "hide" or "allow"')
        self._pair = Pair(anonymizer, deanonymizer)
        self._tools = Tools(self._pair, tool_entity_types)
        self._hides_prompt = system_prompt == "hide"

    def protect(self, agent: PregelProtocol[Any, Any, Any, Any]) -> ProtectedAgent:
        """Wrap the agent that this is the middleware of: hide what it is given, restore what it gives."""
        return ProtectedAgent(agent, self._pair)

    def before_agent(self, state: Any, runtime: Runtime[Any]) -> dict[str, Any] | None:  # noqa: ARG002
        """Hide what is in the state unhidden; refuse where it was written to a checkpoint, too."""
        config = get_config()
        vault, seen = self._pair.vault(config), _Seen()
        hidden = drive(self._pair.hide_again(state["messages"], vault, seen), config)
        return _replacing(state["messages"], hidden, seen, config)

    async def abefore_agent(self, state: Any, runtime: Runtime[Any]) -> dict[str, Any] | None:  # noqa: ARG002
        """Do what :meth:`before_agent` does, without blocking the event loop."""
        config = get_config()
        vault, seen = self._pair.vault(config), _Seen()
        hidden = await adrive(self._pair.hide_again(state["messages"], vault, seen), config)
        return _replacing(state["messages"], hidden, seen, config)

    def wrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], ModelResponse[Any]]
    ) -> ModelResponse[Any] | ExtendedModelResponse[Any]:
        """Send the model what is hidden."""
        config = get_config()
        vault = self._pair.vault(config)
        return _marked(handler(drive(self._request(request, vault, config), config)), vault)

    async def awrap_model_call(
        self,
        request: ModelRequest[Any],
        handler: Callable[[ModelRequest[Any]], Awaitable[ModelResponse[Any]]],
    ) -> ModelResponse[Any] | ExtendedModelResponse[Any]:
        """Do what :meth:`wrap_model_call` does, without blocking the event loop."""
        config = get_config()
        vault = self._pair.vault(config)
        return _marked(await handler(await adrive(self._request(request, vault, config), config)), vault)

    def wrap_tool_call(
        self, request: ToolCallRequest, handler: Callable[[ToolCallRequest], ToolMessage | Command[Any]]
    ) -> ToolMessage | Command[Any]:
        """Call a tool with values, and hide what it gives."""
        call = self._call(request)
        given = drive(call.open(), call.config)
        done = enter(call)
        try:
            result: Any = handler(request.override(tool_call={**request.tool_call, "args": given}))
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever it is, its message may hold a value
            result = error
        finally:
            done()
        return _returned(drive(call.close(result), call.config))

    async def awrap_tool_call(
        self,
        request: ToolCallRequest,
        handler: Callable[[ToolCallRequest], Awaitable[ToolMessage | Command[Any]]],
    ) -> ToolMessage | Command[Any]:
        """Do what :meth:`wrap_tool_call` does, without blocking the event loop."""
        call = self._call(request)
        given = await adrive(call.open(), call.config)
        done = enter(call)
        try:
            result: Any = await handler(request.override(tool_call={**request.tool_call, "args": given}))
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever it is, its message may hold a value
            result = error
        finally:
            done()
        return _returned(await adrive(call.close(result), call.config))

    def _call(self, request: ToolCallRequest) -> ToolCall:
        step = self._tools.step(request.tool_call["name"])
        return ToolCall(self._pair, step, request.tool_call, request.runtime.config)

    def _request(
        self, request: ModelRequest[Any], vault: Vault, config: RunnableConfig
    ) -> Plan[ModelRequest[Any]]:
        """Hide what the state does not hold: the system prompt, and what other middleware has added."""
        seen = _Seen()
        prompt, preamble = request.system_message, self._pair.preamble
        first = [prompt] if prompt is not None and self._hides_prompt else []
        hidden: list[Any] = yield from self._pair.hide_again([*first, *request.messages], vault, seen)
        state = {one.id for one in request.state["messages"]}
        late = [
            old
            for old, new in zip(request.messages, hidden[len(first) :], strict=True)
            if old is not new and old.id in state and not isinstance(old, AIMessage)
        ]
        _refuse_kept(late, seen, config)
        prompt = cast("SystemMessage", hidden[0]) if first else prompt
        if preamble:
            prompt = _behind(preamble, prompt)
        return request.override(system_message=prompt, messages=hidden[len(first) :])


class _Seen(BaseCallbackHandler):
    """Learn which values an anonymizer found."""

    raise_error = True
    run_inline = True

    def __init__(self) -> None:
        self.values: set[str] = set()

    def on_custom_event(self, name: str, data: Any, *, run_id: UUID, **about: Any) -> None:  # noqa: ARG002
        sight = sight_of(run_id)
        if name == ANONYMIZED and sight is not None:
            self.values |= {value for value in sight.values if value}

    def stand_in(self, messages: Sequence[BaseMessage]) -> bool:
        """Tell whether one of the values stands in a message, as a whole word."""
        if not self.values:
            return False
        longest_first = sorted(map(re.escape, self.values), key=len, reverse=True)
        pattern = re.compile(rf"(?<!\w)(?:{'|'.join(longest_first)})(?!\w)")
        found: list[bool] = []

        def take(text: str, _: Any) -> str:
            found.append(pattern.search(text) is not None)
            return text

        rewrite(list(messages), take, allow=UNSCANNED)
        return any(found)


def _replacing(
    messages: Sequence[BaseMessage], hidden: Sequence[BaseMessage], seen: _Seen, config: RunnableConfig
) -> dict[str, Any] | None:
    changed = [(old, new) for old, new in zip(messages, hidden, strict=True) if old is not new]
    if not changed:
        return None
    _refuse_kept([old for old, _ in changed], seen, config)
    return {"messages": [new for _, new in changed]}


def _refuse_kept(messages: Sequence[BaseMessage], seen: _Seen, config: RunnableConfig) -> None:
    """Refuse messages of the state that hold values, where a checkpointer keeps it."""
    kept = (config.get("configurable") or {}).get(_CHECKPOINTER)
    if messages and kept and seen.stand_in(messages):
        raise UnprotectedStateError(_UNPROTECTED)


def _marked(response: Any, vault: Vault) -> ModelResponse[Any] | ExtendedModelResponse[Any]:
    """Mark what the model wrote: it was sent placeholders alone."""
    if isinstance(response, ExtendedModelResponse):
        return ExtendedModelResponse(_marked(response.model_response, vault), response.command)  # type: ignore[arg-type]
    if isinstance(response, BaseMessage):
        return ModelResponse([mark_all(response, vault.vault_id)])
    return ModelResponse(mark_all(response.result, vault.vault_id), response.structured_response)


def _behind(preamble: str, prompt: SystemMessage | None) -> SystemMessage:
    if prompt is None:
        return SystemMessage(preamble)
    if isinstance(prompt.content, str):
        return prompt.model_copy(update={"content": f"{preamble}\n\n{prompt.content}"})
    block: dict[str, Any] = {"type": "text", "text": preamble}
    return prompt.model_copy(update={"content": [block, *prompt.content]})


def _returned(result: Any) -> ToolMessage | Command[Any]:
    if isinstance(result, BaseException):
        raise result
    returned: ToolMessage | Command[Any] = result
    return returned
