"""Why a model that was handed in is not taken: a code for programs, a sentence for people in Korean and in English."""

from typing import Final

from shared.contracts.base import Value
from shared.contracts.values import Code, Text
from shared.contracts.wording import Sentence


class LocalSentence(Value):
    """One sentence, or a few, in Korean and in English."""

    ko: Text
    en: Text

    @property
    def sentence(self) -> Sentence:
        """For problems, which are said in the caller's language."""
        return Sentence(self.en, ko=self.ko)


class ModelFault(Value):
    """A fault of a model's file; `detail` says what to export instead."""

    code: Code
    detail: LocalSentence


def model_fault(code: str, **values: object) -> ModelFault:
    """The fault of this code with the values that its sentence names. KeyError if there is no such code or value."""
    en, ko = SENTENCES[code]
    return ModelFault(code=code, detail=LocalSentence(ko=ko.format(**values), en=en.format(**values)))


SENTENCES: Final[dict[str, tuple[str, str]]] = {
    # Of the file's structure
    "too-large": (
        "A model file has at most {most:,} bytes, unpacked too. Export a smaller model.",
        "모형 파일은 압축을 푼 크기까지 {most:,}바이트를 넘을 수 없습니다. 더 작은 모형으로 내보내십시오.",
    ),
    "pickle": (
        "The file holds a pickle: a program, not a model. Export ONNX or skops without it.",
        "파일에 피클(pickle)이 들어 있습니다. 피클은 모형이 아니라 프로그램이므로 받지 않습니다. ONNX 또는 skops로 내보내십시오.",
    ),
    "unknown-member": (
        "The archive holds something else than arrays and their description. Save the estimator alone with skops.",
        "압축 파일에 배열과 그 설명이 아닌 것이 들어 있습니다. skops로 모형만 저장하십시오.",
    ),
    "untrusted-type": (
        "The archive calls for a type or a function that is not on the list of trusted ones. "
        "Use estimators of scikit-learn alone.",
        "신뢰 목록에 없는 자료형이나 함수를 불러오는 파일입니다. scikit-learn의 모형만 사용하십시오.",
    ),
    "manifest-missing": (
        "The file says nothing of itself: there is no manifest in it.",
        "파일 안에 명세가 없습니다.",
    ),
    "manifest-invalid": (
        "The manifest in the file has not the shape that it must have, speaks of another "
        "format, or names other inputs or outputs than the model has.",
        "파일 안의 명세가 정해진 형식이 아니거나, 다른 파일 형식을 적었거나, 모형과 다른 입력 또는 출력을 적었습니다.",
    ),
    "other-datatype": (
        "The model's {name} is {kind}, and its manifest says {declared}. Export the model with 32-bit floats.",
        "모형의 {name}의 자료형은 {kind}인데 명세에는 {declared}(으)로 적혀 있습니다. 32비트 실수로 내보내십시오.",
    ),
    "wrong-opset": (
        "The model uses version {version} of {what}; versions {low} to {high} are taken. "
        "Export it with `target_opset` (skl2onnx, onnxmltools) or `opset_version` (torch) "
        "within these.",
        "모형이 {what} {version}판을 사용합니다. {low}판부터 {high}판까지 받습니다. "
        "`target_opset`(skl2onnx, onnxmltools) 또는 `opset_version`(torch)을 이 범위로 "
        "지정하여 다시 내보내십시오.",
    ),
    "custom-operator": (
        "The model uses operators outside of ai.onnx and ai.onnx.ml. Export it with standard operators alone.",
        "모형이 ai.onnx와 ai.onnx.ml에 없는 연산자를 사용합니다. 표준 연산자만으로 내보내십시오.",
    ),
    "own-function": (
        "The model brings functions or training steps of its own. Export the inference graph "
        "alone; `onnx.inliner.inline_local_functions` dissolves functions.",
        "모형에 자체 함수나 학습 단계가 들어 있습니다. 추론 그래프만 내보내십시오. 함수는 "
        "`onnx.inliner.inline_local_functions`로 풀 수 있습니다.",
    ),
    "random-operator": (
        "{operator} gives another answer each time: the same rows must get the same scores. Export the model without it.",
        "{operator} 연산자는 실행할 때마다 결과가 달라집니다. 같은 자료에는 같은 점수가 나와야 "
        "하므로 이 연산자 없이 내보내십시오.",
    ),
    "unbounded-operator": (
        "{operator} can take any time or memory: not in a model that is asked over the network. Export it without.",
        "{operator} 연산자는 시간과 메모리 사용에 한도가 없어, 통신망으로 조회하는 모형에는 쓸 "
        "수 없습니다. 이 연산자 없이 내보내십시오.",
    ),
    "subgraph": (
        "The model holds graphs inside of nodes that are nested too deep, or at all where it is asked over the network.",
        "모형의 노드 안에 하위 그래프가 너무 깊게 들어 있습니다. 통신망으로 조회하는 모형에는 하위 그래프를 쓸 수 없습니다.",
    ),
    "sparse-tensor": (
        "Sparse tensors are not taken: their full size is not in the file. Export dense ones.",
        "희소 텐서는 전체 크기가 파일에 없어 받지 않습니다. 밀집 텐서로 내보내십시오.",
    ),
    "external-data": (
        "The values of a tensor are outside of the file. Export one file: "
        "torch.onnx.export(..., external_data=False), or onnx.save(model, path, "
        "save_as_external_data=False).",
        "텐서의 값이 파일 밖에 있습니다. torch.onnx.export(..., external_data=False) 또는 "
        "onnx.save(model, path, save_as_external_data=False)로 파일 하나로 내보내십시오.",
    ),
    "path-traversal": (
        "The values of a tensor are outside of the file, at a path that leads away from it. Export one file that holds them.",
        "텐서의 값이 파일 밖의 다른 경로에 있습니다. 값을 모두 담은 파일 하나로 내보내십시오.",
    ),
    "tensor-type": (
        "A tensor has a type that is not taken. Export it with 32-bit floats and 64-bit whole numbers.",
        "받지 않는 자료형의 텐서가 있습니다. 32비트 실수와 64비트 정수로 내보내십시오.",
    ),
    "tensor-too-large": (
        "A tensor is declared larger than {mib} MiB. Export a smaller model.",
        "{mib}MiB보다 크게 선언된 텐서가 있습니다. 더 작은 모형으로 내보내십시오.",
    ),
    "tensor-size": (
        "A tensor is declared larger or smaller than what the file holds of it. Export the model again.",
        "텐서의 선언된 크기가 파일에 담긴 값과 다릅니다. 모형을 다시 내보내십시오.",
    ),
    "too-complex": (
        "The model has more than {nodes:,} nodes, or {fields:,} fields or members to look at. Export a smaller one.",
        "모형의 노드가 {nodes:,}개를 넘거나 확인할 항목이 {fields:,}개를 넘습니다. 더 작은 모형으로 내보내십시오.",
    ),
    # Of what the model takes and gives
    "float64-input": (
        "The model takes 64-bit floats in its input {name}. Export it for 32-bit floats: "
        "skl2onnx `to_onnx(model, X[:1].astype(numpy.float32))` or FloatTensorType, torch "
        "`model.float()`.",
        "모형의 입력 {name}의 자료형이 64비트 실수입니다. 32비트 실수로 내보내십시오. "
        "skl2onnx는 `to_onnx(model, X[:1].astype(numpy.float32))` 또는 FloatTensorType, "
        "torch는 `model.float()`을 사용합니다.",
    ),
    "float16-input": (
        "The model takes 16-bit floats in its input {name}, which cannot hold every value of a "
        "table. Export it before it is converted to half precision: torch `model.float()`, or "
        "without float16 conversion.",
        "모형의 입력 {name}의 자료형이 16비트 실수여서 표의 값을 모두 담을 수 없습니다. "
        "반정밀도로 변환하기 전의 모형을 내보내십시오. torch는 `model.float()`을 사용합니다.",
    ),
    "text-input": (
        "The model takes texts in its input {name}. Export the steps behind the encoder, for "
        "32-bit floats, and give the codes of the texts in the manifest (`features[].codes`).",
        "모형의 입력 {name}의 자료형이 문자열입니다. 인코더 다음 단계만 32비트 실수 입력으로 "
        "내보내고, 문자열의 부호는 명세의 `features[].codes`에 적으십시오.",
    ),
    "input-type": (
        "The model takes {kind} in its input {name}; the platform gives 32-bit floats. Export "
        "it for these: skl2onnx `to_onnx(model, X[:1].astype(numpy.float32))` or "
        "FloatTensorType.",
        "모형의 입력 {name}의 자료형이 {kind}입니다. 플랫폼은 32비트 실수를 제공합니다. 32비트 "
        "실수로 내보내십시오. skl2onnx는 `to_onnx(model, X[:1].astype(numpy.float32))` 또는 "
        "FloatTensorType을 사용합니다.",
    ),
    "fixed-batch": (
        "The model takes or gives exactly {rows} rows at a time ({name}). Export it with an "
        "open first dimension: skl2onnx FloatTensorType([None, {features}]), torch "
        "`dynamic_shapes` or `dynamic_axes`.",
        "모형이 한 번에 정확히 {rows}행만 처리합니다({name}). 첫 번째 차원을 열어 다시 "
        "내보내십시오. skl2onnx는 FloatTensorType([None, {features}]), torch는 "
        "`dynamic_shapes` 또는 `dynamic_axes`를 사용합니다.",
    ),
    "input-shape": (
        "The model's input {name} has the shape {shape}. It takes one matrix [rows, "
        "{features}], or an input [rows, 1] for each feature.",
        "모형의 입력 {name}의 모양이 {shape}입니다. [행, {features}] 행렬 하나 또는 변수마다 [행, 1] 입력으로 내보내십시오.",
    ),
    "other-inputs": (
        "The model's inputs are neither one matrix nor the features of the manifest by name, in its order.",
        "모형의 입력이 행렬 하나도 아니고, 명세에 적힌 변수의 이름과 순서와도 같지 않습니다.",
    ),
    "zipmap": (
        "The model's output {name} is a list of maps from class to score (ZipMap), no tensor. "
        "Export it with `options={{'zipmap': False}}` (skl2onnx) or `zipmap=False` "
        "(onnxmltools).",
        "모형의 출력 {name}이 텐서가 아니라 등급별 점수의 목록(ZipMap)입니다. "
        "`options={{'zipmap': False}}`(skl2onnx) 또는 `zipmap=False`(onnxmltools)로 "
        "내보내십시오.",
    ),
    "missing-output": (
        "The model has no output {name}, where the manifest finds the score; it has {names}.",
        "명세가 점수라고 적은 출력 {name}이 모형에 없습니다. 모형의 출력은 {names}입니다.",
    ),
    "output-type": (
        "The model's output {name} holds {kind}, no numbers. Name the output with the scores in the manifest.",
        "모형의 출력 {name}의 자료형이 숫자가 아니라 {kind}입니다. 점수가 담긴 출력을 명세에 적으십시오.",
    ),
    "output-shape": (
        "The model's output {name} has the shape {shape}, and the manifest finds the score at "
        "position {position}. It gives [rows], [rows, 1] with position 0, or [rows, columns] "
        "with the position of a column.",
        "모형의 출력 {name}의 모양이 {shape}인데 명세의 점수 위치는 {position}입니다. [행], "
        "위치 0의 [행, 1], 또는 [행, 열]과 그 열의 위치여야 합니다.",
    ),
    # Of the trial
    "cannot-open": (
        "onnxruntime {version} cannot open the model: {why}. Open it with onnxruntime before you hand it in.",
        "onnxruntime {version}에서 모형을 열 수 없습니다({why}). 제출하기 전에 onnxruntime으로 열어 보십시오.",
    ),
    "cannot-score": (
        "The model does not score {rows} made-up rows with onnxruntime {version}. Score a "
        "float32 matrix of {rows} rows before you hand it in. If it knows certain values "
        "alone, give rows of these in the manifest (`examples`).",
        "onnxruntime {version}에서 모형이 시험용 {rows}행의 점수를 내지 못합니다. 제출하기 "
        "전에 float32 {rows}행으로 점수를 내어 보십시오. 정해진 값만 받는 모형이면 그런 행을 "
        "명세의 `examples`에 적으십시오.",
    ),
    "other-answer": (
        "Of {rows} rows the model's output has the shape {shape}: that is not one number a "
        "row. Name the output and position of the score in the manifest.",
        "{rows}행에 대한 모형의 출력 모양이 {shape}이어서 행마다 하나의 숫자가 아닙니다. 점수의 출력과 위치를 명세에 적으십시오.",
    ),
    "rows-mixed": (
        "The model gives a row another score beside other rows than alone, so scores would "
        "depend on who else is in the table. Export it for inference: torch `model.eval()`, no "
        "normalisation over the batch.",
        "함께 계산하는 다른 행에 따라 같은 행의 점수가 달라집니다. 추론용으로 내보내십시오. "
        "torch는 `model.eval()`을 사용하고, 배치 전체에 걸친 정규화는 쓰지 않습니다.",
    ),
    "other-scores": (
        "The file gives the example {number} of the manifest (counted from 0) a score that "
        "differs by {difference} from the one given there. Compare the file with the estimator "
        "before you hand it in: some converters change a model without a word.",
        "명세의 예시 {number}(0부터 셈)에 대한 파일의 점수가 명세의 점수와 {difference}만큼 "
        "다릅니다. 일부 변환 도구는 알림 없이 모형을 바꾸므로, 제출하기 전에 파일과 원래 "
        "모형의 점수를 비교하십시오.",
    ),
    "missing-not-scored": (
        "The manifest says that missing values are taken, but the model gives no finite score "
        "for a row that lacks one. Say `missing_values: false`, or put an imputer into the "
        "model.",
        "명세에는 결측값을 받는다고 되어 있으나, 결측값이 있는 행에 유한한 점수를 내지 "
        "못합니다. 명세에 `missing_values: false`라고 적거나 모형에 결측값 대체 단계를 "
        "넣으십시오.",
    ),
    "trial-time": (
        "The model did not score {rows} made-up rows within {seconds} seconds. Export a "
        "smaller one, or raise `resources.seconds` of the card if that is lower.",
        "모형이 시험용 {rows}행의 점수를 {seconds}초 안에 내지 못했습니다. 더 작은 모형으로 "
        "내보내거나, 명세의 `resources.seconds`가 더 작다면 늘리십시오.",
    ),
    "trial-memory": (
        "The model needed more memory than the {memory_mb} MiB of its card to score {rows} "
        "made-up rows. Export a smaller one, or raise `resources.memory_mb`.",
        "모형이 시험용 {rows}행의 점수를 내는 데 명세의 {memory_mb}MiB보다 많은 메모리를 "
        "썼습니다. 더 작은 모형으로 내보내거나 `resources.memory_mb`를 늘리십시오.",
    ),
    "trial-broken": (
        "The runtime broke off while it scored {rows} made-up rows. Score them with onnxruntime before you hand the model in.",
        "시험용 {rows}행의 점수를 내는 중에 실행 환경이 중단되었습니다. 제출하기 전에 onnxruntime으로 점수를 내어 보십시오.",
    ),
    "not-hosted": (
        "The worker could not read the method: its manifest does not fit, or another method has its name and version.",
        "실행기가 분석 방법을 읽지 못했습니다. 명세가 맞지 않거나, 같은 이름과 판의 다른 분석 방법이 있습니다.",
    ),
}
