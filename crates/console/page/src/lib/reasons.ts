/** Why a reading is bad or uncertain, in words. The codes are the server's closed list. */

import type { Words } from './types';

export const REASONS: Readonly<Record<string, Words>> = {
  timeout: { zh: '设备超时未应答', en: 'device did not answer in time' },
  not_connected: { zh: '设备未连接', en: 'no connection to the device' },
  bad_reply: { zh: '应答与请求不符', en: 'reply does not fit its request' },
  illegal_function: { zh: '设备不支持该功能码', en: 'device does not know the function' },
  illegal_address: { zh: '设备没有该寄存器', en: 'device has no such register' },
  illegal_value: { zh: '设备拒绝该请求', en: 'device refuses the request' },
  device_failure: { zh: '设备故障', en: 'device failure' },
  device_busy: { zh: '设备忙', en: 'device busy' },
  gateway_path: { zh: '中间网关不通', en: 'gateway in between has no path' },
  other_exception: { zh: '设备返回异常', en: 'device answered an exception' },
  not_a_number: { zh: '读数不是数值', en: 'reading is not a number' },
  out_of_range: { zh: '超出仪表量程', en: 'outside the instrument range' },
  bad_payload: { zh: '报文格式不符', en: 'payload not as expected' },
  missing_field: { zh: '报文缺少该字段', en: 'payload lacks the field' },
  wrong_type: { zh: '字段类型不符', en: 'field has another type' },
  device_flag: { zh: '设备标记读数不可信', en: 'device marks its value as not good' },
  clock: { zh: '网关时钟跳变，偏差未知', en: 'gateway clock stepped, skew unknown' },
  device_time: { zh: '设备时间有误，按到达时间计', en: 'device time wrong, arrival time used' },
  stale: { zh: '超时未更新', en: 'not updated in time' },
  gateway_silent: { zh: '网关失联', en: 'gateway is silent' },
  suspect_mapping: { zh: '寄存器映射可疑', en: 'register mapping is suspect' },
  device_offline: { zh: '设备离线', en: 'device is offline' },
};

/** Why an alarm is held though its point has a value. */
export const HOLDS: Readonly<Record<string, Words>> = {
  break: { zh: '链路中断，其间的数据尚未补到', en: 'link was broken, data in between still to come' },
  rule: { zh: '规则已变更', en: 'rule changed' },
  source: { zh: '所在线路或设备不应答', en: 'its line or device does not answer' },
  learning: { zh: '数据积累不足，尚在学习', en: 'not enough data seen yet' },
};

/** The reason in words; a code of a newer server is shown as it came. */
export function reasonWords(code: string): Words {
  return REASONS[code] ?? HOLDS[code] ?? { zh: code, en: code };
}
