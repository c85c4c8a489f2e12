"""Answer from documents that were hidden when they were indexed, for a clerk and for the public.

    python examples/rag.py              what was promised to Jane Doe?
    python examples/rag.py "QUESTION"   a question of yours

With OPENAI_API_KEY set, the model is OpenAI's gpt-4o-mini; without it, the sentences that fit best are cited.
"""

import os
import re
import sys
import zlib
from typing import Any

from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import Runnable, RunnableLambda, RunnablePassthrough
from langchain_core.vectorstores import InMemoryVectorStore
from rich.console import Console

from langchain_secguard import Anonymizer, Deanonymizer

DOCUMENTS = [
    Document(
        "Jane Doe, jane@example.com, was promised a refund of her ticket by Robert Alvarez.",
        metadata={"case": 1},
    ),
    Document("Robert Alvarez moved the noon train to platform four.", metadata={"case": 2}),
    Document("Jane Doe was asked for her receipt on the phone, (217) 555-0142.", metadata={"case": 3}),
    Document("The dining car is closed on Mondays.", metadata={"case": 4}),
]
QUESTION = "What was promised to Jane Doe, and by whom?"
CORPUS: Any = {"configurable": {"vault_id": "corpus"}}
PROMPT = ChatPromptTemplate.from_template("Answer from these documents:\n{context}\n\nQuestion: {question}")

console = Console(highlight=False)


class WordEmbeddings(Embeddings):
    """Embed a text by its words, with nothing to download."""

    def embed_query(self, text: str) -> list[float]:
        """Count words in 256 buckets."""
        vector = [0.01] * 256
        for word in re.findall(r"\[\w+\]|\w{3,}", text.lower()):
            vector[zlib.crc32(word.encode()) % 256] += 1.0
        return vector

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Embed many."""
        return [self.embed_query(text) for text in texts]


def main() -> int:
    """Index, ask, and show what each side sees."""
    question = sys.argv[1] if len(sys.argv) > 1 else QUESTION
    index = InMemoryVectorStore(WordEmbeddings())
    index.add_documents(Anonymizer().invoke(DOCUMENTS, CORPUS))
    title("The index holds")
    for document in index.similarity_search("", k=len(DOCUMENTS)):
        console.print(f"case {document.metadata['case']}: {document.page_content}", markup=False)

    retrieve = index.as_retriever(search_kwargs={"k": 2}) | RunnableLambda(texts)
    answer = (
        {"context": retrieve, "question": RunnablePassthrough()} | PROMPT | choose_model() | StrOutputParser()
    )
    public = Anonymizer() | answer
    for who, chain in {
        "The public gets": public,
        "A clerk, who may see names but no addresses, gets": public | Deanonymizer(entity_types=["PERSON"]),
        "The case's owner gets": public | Deanonymizer(),
    }.items():
        title(who)
        console.print(chain.invoke(question, CORPUS), markup=False)
    return 0


def texts(found: list[Document]) -> str:
    """Write what was found."""
    return "\n".join(document.page_content for document in found)


def choose_model() -> Runnable[Any, Any]:
    """Take OpenAI's model where there is a key, and cite elsewhere."""
    if os.environ.get("OPENAI_API_KEY"):
        from langchain_openai import ChatOpenAI  # noqa: PLC0415 - needed with a key only

        return ChatOpenAI(model="gpt-4o-mini")
    return RunnableLambda(cite)


def cite(prompt: Any) -> str:
    """Cite the first document."""
    return str(prompt.to_string().split("\n")[1])


def title(text: str) -> None:
    """Print a heading."""
    console.print(f"\n{text}", style="bold cyan")


if __name__ == "__main__":
    sys.exit(main())
